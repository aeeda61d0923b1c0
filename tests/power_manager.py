"""A desktop's power manager on the session bus: prints when it is asked to stay awake, and until.

dbus-fast reads annotations at run time: they are not postponed here.
"""

import asyncio

from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusStr, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

NAME = "org.freedesktop.PowerManagement"


class PowerManager(ServiceInterface):
    def __init__(self) -> None:
        super().__init__(f"{NAME}.Inhibit")

    @dbus_method()
    def Inhibit(self, application: DBusStr, reason: DBusStr) -> DBusUInt32:  # noqa: ARG002, N802
        print("stay awake", flush=True)  # noqa: T201
        return 1

    @dbus_method()
    def UnInhibit(self, cookie: DBusUInt32) -> None:  # noqa: ARG002, N802
        print("sleep again", flush=True)  # noqa: T201


async def main() -> None:
    bus = await MessageBus().connect()
    bus.export("/org/freedesktop/PowerManagement/Inhibit", PowerManager())
    await bus.request_name(NAME)
    print("ready", flush=True)  # noqa: T201
    await bus.wait_for_disconnect()


if __name__ == "__main__":
    asyncio.run(main())
