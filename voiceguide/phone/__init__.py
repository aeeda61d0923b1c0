"""The page for a phone on the same network: choose a session, have it made, hear it, take it along.

Takes requests of browsers, players and podcast apps: what a listener chooses, as JSON. Gives the
page, and under ``sessions/`` and ``playlists/`` of a folder the files that ``Session`` and
``Playlist`` make; a playlist of the command line in that folder is shown too. It makes one at a
time, each in a process of its own. Whoever is not on this machine needs the key in the link.

The same page is published as a static site by ``site``: a list of sessions instead of the form.

The page has a field for every option that has a place there (``Option.page``) and offers the
regions and the kinds of session that it finds: adding one of these touches no file of this folder.
Nothing that comes from outside names a file: names are checked, and only our own files are served.

    server       the addresses, and what answers each
    access       who may use it; headers, limits of time and size
    address      the socket, the link and the QR code
    choices      the library, kinds and options -> the page, and what can be chosen as JSON
    form         the options model -> the fields of the form
    speakers     the voices, and how they sound
    wanted       JSON from anyone -> a target and options
    renders      what is waiting or being made
    render_child the process that makes it
    made         what is there already
    responses    files, parts of files and ZIPs as answers
    site         sessions -> a static site for any web server
    folder       what is a site's own in its folder
    look         its name, logo, text, links and colors
    page/        the page: its template, styles, program (page.js says what is where) and texts

To serve needs the extra ``phone``: pip install 'voiceguide[phone]'. To publish does not.
"""
