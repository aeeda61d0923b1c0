"""MPRIS: headset buttons, desktops and ``playerctl`` control a session over D-Bus.

The interfaces are those of https://specifications.freedesktop.org/mpris-spec/latest/; times are in
microseconds. Next and previous move by chapters; the session is the only track.
dbus-fast reads annotations at run time, so they are not postponed here.
"""

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Annotated

from dbus_fast import BusType, DBusError, NameFlag, PropertyAccess, RequestNameReply, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import (
    DBusBool,
    DBusDict,
    DBusDouble,
    DBusInt64,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

if TYPE_CHECKING:
    from voiceguide.player.player import Player

_NAME = "org.mpris.MediaPlayer2.voiceguide"
_PATH = "/org/mpris/MediaPlayer2"
_TRACK = "/org/voiceguide/session"
_WATCH_S = 0.2
_JUMP_MS = 1000
"""A larger difference from the clock is a seek."""

DBusStrings = Annotated[list[str], DBusSignature("as")]


class Mpris:
    """Offers a player on the session bus while it is open; does nothing without a bus."""

    def __init__(self, player: "Player") -> None:
        self._player = player
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mpris", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the bus."""
        with contextlib.suppress(RuntimeError):  # it is closed: the bus went away
            self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(1)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except (OSError, EOFError, ValueError, DBusError):
            pass  # no bus here, or it went away: the session plays on without it
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._loop.set_exception_handler(lambda *_: None)  # dbus-fast's own, as the bus goes away
        bus = await MessageBus(bus_type=BusType.SESSION).connect()
        try:
            steered = _Steered(self._player)
            bus.export(_PATH, _Root(self._player))
            bus.export(_PATH, steered)
            reply = await bus.request_name(_NAME, NameFlag.DO_NOT_QUEUE)
            if reply is not RequestNameReply.PRIMARY_OWNER:  # another session plays already
                await bus.request_name(f"{_NAME}.instance{threading.get_native_id()}")
            while bus.connected and not self._done.is_set():
                steered.tell_changes()
                try:
                    await asyncio.wait_for(self._done.wait(), _WATCH_S)
                except TimeoutError:
                    continue
        finally:
            bus.disconnect()


class _Root(ServiceInterface):
    """The program itself."""

    def __init__(self, player: "Player") -> None:
        super().__init__("org.mpris.MediaPlayer2")
        self._player = player

    @dbus_method()
    def Raise(self) -> None:  # noqa: N802 (the specification's name, as are those below)
        """Do nothing: there is no window."""

    @dbus_method()
    def Quit(self) -> None:  # noqa: N802
        """End with a fade."""
        self._player.stop()

    @dbus_property(access=PropertyAccess.READ)
    def CanQuit(self) -> DBusBool:  # noqa: N802
        """Whether it can be ended."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanRaise(self) -> DBusBool:  # noqa: N802
        """Whether it has a window: no."""
        return False

    @dbus_property(access=PropertyAccess.READ)
    def HasTrackList(self) -> DBusBool:  # noqa: N802
        """Whether there is a list of tracks: no."""
        return False

    @dbus_property(access=PropertyAccess.READ)
    def Identity(self) -> DBusStr:  # noqa: N802
        """Return the name that is shown."""
        return "voiceguide"

    @dbus_property(access=PropertyAccess.READ)
    def SupportedUriSchemes(self) -> DBusStrings:  # noqa: N802
        """Return nothing: nothing else can be opened."""
        return []

    @dbus_property(access=PropertyAccess.READ)
    def SupportedMimeTypes(self) -> DBusStrings:  # noqa: N802
        """Return nothing: nothing else can be opened."""
        return []


class _Steered(ServiceInterface):
    """What plays."""

    def __init__(self, player: "Player") -> None:
        super().__init__("org.mpris.MediaPlayer2.Player")
        self._player = player
        self._told: dict[str, object] = {}
        self._told_ms: float = player.position_ms
        self._clock = asyncio.get_running_loop().time
        self._told_s = self._clock()

    def tell_changes(self) -> None:
        """Send signals for what has changed since."""
        now: dict[str, object] = {"PlaybackStatus": self._status(), "Metadata": self._metadata()}
        changed = {name: value for name, value in now.items() if value != self._told.get(name)}
        if changed:
            self.emit_properties_changed(changed)
        elapsed_ms = 1000 * (self._clock() - self._told_s)
        expected_ms = self._told_ms + (elapsed_ms if now["PlaybackStatus"] == "Playing" else 0)
        position_ms = self._player.position_ms
        if abs(position_ms - expected_ms) > _JUMP_MS:
            self.Seeked(max(0, position_ms) * 1000)
        self._told, self._told_ms, self._told_s = now, position_ms, self._clock()

    @dbus_method()
    def Next(self) -> None:  # noqa: N802
        """End an open hold, or go to the next chapter."""
        self._player.go_on()

    @dbus_method()
    def Previous(self) -> None:  # noqa: N802
        """Go to the start of this chapter, or to the previous one."""
        self._player.previous_chapter()

    @dbus_method()
    def Pause(self) -> None:  # noqa: N802
        """Pause."""
        self._player.pause()

    @dbus_method()
    def PlayPause(self) -> None:  # noqa: N802
        """Pause or resume."""
        self._player.toggle()

    @dbus_method()
    def Play(self) -> None:  # noqa: N802
        """Resume."""
        self._player.play()

    @dbus_method()
    def Stop(self) -> None:  # noqa: N802
        """End with a fade."""
        self._player.stop()

    @dbus_method()
    def Seek(self, offset_us: DBusInt64) -> None:  # noqa: N802
        """Go forward, or back."""
        self._player.skip(offset_us // 1000)

    @dbus_method()
    def SetPosition(self, track: DBusObjectPath, position_us: DBusInt64) -> None:  # noqa: N802
        """Go to a position in the session; positions outside it are ignored."""
        end_ms = self._player.source.live.end_ms
        inside = position_us >= 0 and (end_ms is None or position_us <= end_ms * 1000)
        if track == _TRACK and inside:
            self._player.seek(position_us // 1000)

    @dbus_signal()
    def Seeked(self, position_us: int) -> DBusInt64:  # noqa: N802
        """Signal that the position has jumped."""
        return position_us

    @dbus_property(access=PropertyAccess.READ)
    def PlaybackStatus(self) -> DBusStr:  # noqa: N802
        """Return Playing, Paused or Stopped."""
        return self._status()

    @dbus_property(access=PropertyAccess.READ)
    def Metadata(self) -> DBusDict:  # noqa: N802
        """Return title, chapter and length."""
        return self._metadata()

    @dbus_property(access=PropertyAccess.READ)
    def Position(self) -> DBusInt64:  # noqa: N802
        """Return the current position."""
        return max(0, self._player.position_ms) * 1000

    @dbus_property(access=PropertyAccess.READ)
    def Rate(self) -> DBusDouble:  # noqa: N802
        """Return the speed, which is fixed."""
        return 1.0

    @dbus_property(access=PropertyAccess.READ)
    def MinimumRate(self) -> DBusDouble:  # noqa: N802
        """Return the only speed."""
        return 1.0

    @dbus_property(access=PropertyAccess.READ)
    def MaximumRate(self) -> DBusDouble:  # noqa: N802
        """Return the only speed."""
        return 1.0

    @dbus_property(access=PropertyAccess.READ)
    def Volume(self) -> DBusDouble:  # noqa: N802
        """Return full volume: the system controls it."""
        return 1.0

    @dbus_property(access=PropertyAccess.READ)
    def CanGoNext(self) -> DBusBool:  # noqa: N802
        """Whether it can move by chapters."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanGoPrevious(self) -> DBusBool:  # noqa: N802
        """Whether it can move by chapters."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanPlay(self) -> DBusBool:  # noqa: N802
        """Whether it can resume."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanPause(self) -> DBusBool:  # noqa: N802
        """Whether it can be paused."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanSeek(self) -> DBusBool:  # noqa: N802
        """Whether it can seek."""
        return True

    @dbus_property(access=PropertyAccess.READ)
    def CanControl(self) -> DBusBool:  # noqa: N802
        """Whether it can be controlled at all."""
        return True

    def _status(self) -> str:
        if self._player.stopping:
            return "Stopped"
        return "Paused" if self._player.paused else "Playing"

    def _metadata(self) -> dict[str, Variant]:
        live = self._player.source.live
        number = live.chapter_at(max(0, self._player.position_ms))
        metadata = {
            "mpris:trackid": Variant("o", _TRACK),
            "xesam:title": Variant("s", self._player.source.title),
            "xesam:artist": Variant("as", ["voiceguide"]),
        }
        if live.end_ms is not None:
            metadata["mpris:length"] = Variant("x", live.end_ms * 1000)
        if number >= 0 and not self._player.seeking:
            metadata["xesam:album"] = Variant("s", live.chapters[number].title)
        return metadata
