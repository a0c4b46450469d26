"""How progress looks."""

import io

import pytest

from petset.cli.progress.display import REPEAT, SILENCE, PlainDisplay, display_for
from petset.cli.progress.terminal import TerminalDisplay
from petset.testing.clock import VirtualClock

WAITING = ["statefulset web: 1 of 3 pods ready", "  web-1: phase Pending"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_carry_their_time() -> None:
    out = io.StringIO()
    PlainDisplay(out, VirtualClock()).say("web-0 ready")
    assert out.getvalue().rstrip().endswith("  web-0 ready")
    assert out.getvalue().count(":") == 2


async def test_what_is_waited_for_is_said_after_a_silence_and_then_rarely() -> None:
    clock, out = VirtualClock(), io.StringIO()
    display = PlainDisplay(out, clock)
    display.waiting(WAITING)
    assert out.getvalue() == ""
    await clock.advance(SILENCE)
    for _ in range(3):
        display.waiting(WAITING)
    assert out.getvalue().count("waiting: statefulset web: 1 of 3 pods ready") == 1
    assert "web-1: phase Pending" in out.getvalue()
    await clock.advance(REPEAT)
    display.waiting(WAITING)
    assert out.getvalue().count("waiting:") == 2


async def test_a_new_reason_is_said_sooner() -> None:
    clock, out = VirtualClock(), io.StringIO()
    display = PlainDisplay(out, clock)
    await clock.advance(SILENCE)
    display.waiting(WAITING)
    await clock.advance(SILENCE)
    display.waiting(["something else"])
    assert "waiting: something else" in out.getvalue()


async def test_what_happens_starts_the_silence_anew() -> None:
    clock, out = VirtualClock(), io.StringIO()
    display = PlainDisplay(out, clock)
    await clock.advance(SILENCE)
    display.say("web-0 created")
    display.waiting(WAITING)
    assert "waiting" not in out.getvalue()


def test_a_table_is_aligned_text() -> None:
    out = io.StringIO()
    PlainDisplay(out, VirtualClock()).table([("POD", "IP"), ("web-0", "10.244.0.2")])
    assert out.getvalue() == "\nPOD     IP\nweb-0   10.244.0.2\n"


@pytest.mark.parametrize(("out", "kind"), [(io.StringIO(), PlainDisplay), (Terminal(), TerminalDisplay)])
def test_the_display_suits_where_the_output_goes(out: io.StringIO, kind: type[object]) -> None:
    assert isinstance(display_for(out), kind)


def test_a_terminal_shows_lines_panel_and_tables() -> None:
    out = Terminal()
    with TerminalDisplay(out) as display:
        display.say("web-0 ready (2.1 s)")
        display.waiting(WAITING)
        display.waiting(())
        display.standing([("STATEFULSET",), ("web",)])
        display.table([("POD",), ("web-0",)])
        display.note("kubeconfig: [x]")
    for text in ("web-0 ready (2.1 s)", *WAITING, "STATEFULSET", "web-0", "kubeconfig: [x]"):
        assert text.strip() in out.getvalue()


def test_the_mark_of_a_line_colours_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    with TerminalDisplay(out) as display:
        display.say("web-0 created")
        display.say("web-0 ready")
    assert "\x1b[36m• \x1b[0mweb-0 created" in out.getvalue()
    assert "\x1b[36m• \x1b[0m\x1b[32mweb-0 ready" in out.getvalue()
