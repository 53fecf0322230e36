"""One round of handing out what waits: a pure function of the line and the ranks."""

from collections.abc import Sequence

from deployments.router.choice import Choice
from deployments.router.room import Room
from deployments.router.waiting_line import Ticket, WaitingLine


def dispatch(line: WaitingLine, rooms: Sequence[Room], choice: Choice) -> list[tuple[Ticket, Room]]:
    """Takes from the line, in order, what the ranks have room for; counts it in `rooms`.

    Whoever is first and fits nowhere makes the others wait: small requests don't overtake a large
    one for ever.
    """
    handed_out = []
    while (ticket := line.first()) is not None:
        open_rooms = [room for room in rooms if room.admits(ticket)]
        if not open_rooms:
            break
        room = choice(ticket, open_rooms)
        room.take(ticket)
        line.serve(ticket)
        handed_out.append((ticket, room))
    return handed_out
