"""The page of `ganlab mark` for whoever uses no mouse, hears it, enlarges it, or sees it in colours of their own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contrast_kit import too_faint
from tests.page_kit import Opener, Page

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]

FOCUS = """(() => { const {id, dataset: {does, name, key}, tagName} = document.activeElement;
    return id || [does, name].filter(Boolean).join(' ') || key || tagName; })()"""
SMALL = {"viewport": {"width": 320, "height": 256}}  # 1280 by 1024, enlarged four times


def told(opened: Page) -> str:
    return opened.tab.inner_text("#told")


def focus(opened: Page) -> str:
    return opened.tab.evaluate(FOCUS)


@pytest.mark.parametrize(("mode", "other"), [("boxes", "groups"), ("groups", "boxes")])
def test_a_name_that_was_added_or_changed_has_the_focus(page: Opener, mode: str, other: str) -> None:
    opened = page(n=3, concept=["bed"], group=["left"])
    opened.tab.click(f"#to-{other}")
    opened.tab.click(f"#to-{mode}")
    opened.add("sofa")
    assert focus(opened) == "choose sofa"
    opened.keys("Tab", "Enter")
    opened.tab.keyboard.type("n2")
    opened.keys("Enter")
    assert (focus(opened), told(opened)) == ("rename n2", "")
    opened.keys("Enter", "x", "Escape")
    assert focus(opened) == "rename n2"
    opened.keys("Enter", "x", "Tab")
    assert focus(opened) == "remove x"
    opened.keys("Enter")
    assert focus(opened) == f"remove {'bed' if mode == 'boxes' else 'left'}"
    opened.keys("Enter")
    assert focus(opened) == "names-title", "none is left"


def test_what_can_be_no_name_stays_in_the_field_to_be_mended(page: Opener) -> None:
    opened = page(n=1, group=["left"])
    opened.add("12")
    assert focus(opened) == "new-name"
    assert opened.tab.input_value("#new-name") == "12"
    opened.keys("Escape")
    assert focus(opened) == "choose left"
    opened.keys("Tab", "Enter", "Control+a")
    opened.tab.keyboard.type("7")
    opened.keys("Enter")
    assert "letter first" in opened.status()
    assert focus(opened) == "rename left"


def test_no_key_leaves_the_focus_nowhere(page: Opener) -> None:
    opened = page(n=4, concept=["bed"], group=["left"])
    opened.keys("b")
    opened.tab.focus("#details .choose")
    opened.keys("Delete")
    assert focus(opened) == "details-title"
    opened.tab.focus("#undo")
    opened.keys("Enter", "Enter", "Enter")
    assert (focus(opened), opened.status()) == ("undo", "There is nothing to undo.")
    opened.tab.focus("#strip .tile")
    opened.keys("n", "ArrowRight")
    assert focus(opened) == "0:2"
    assert opened.tab.locator("[aria-current=true]").get_attribute("data-key") == "0:2"
    opened.keys("m")
    assert focus(opened) == "0:2"
    assert opened.tab.evaluate("document.activeElement.closest('#grid') !== null")
    opened.tab.focus("#only")
    opened.keys("m")
    assert focus(opened) == "0:2", "its own view is gone"


def test_each_key_says_what_it_did(page: Opener) -> None:
    opened = page(n=4, concept=["bed", "lamp"], group=["left"])
    assert opened.tab.locator("[aria-live], [role=status], [role=alert], output").count() == 1
    for key, said in [
        ("n", "picture 2 of 4, 0:1, no boxes"),
        ("2", "lamp chosen"),
        ("b", "new lamp 32\N{MULTIPLICATION SIGN}32 at 16, 16"),
        ("Shift+ArrowRight", "lamp 32\N{MULTIPLICATION SIGN}32 at 17, 16"),
        ("Shift+Alt+ArrowDown", "lamp 32\N{MULTIPLICATION SIGN}33 at 17, 16"),
        ("Shift+Digit1", "bed 32\N{MULTIPLICATION SIGN}33 at 17, 16"),
        ("Escape", "no box selected"),
        ("p", "picture 1 of 4, 0:0, no boxes"),
        ("ArrowRight", "picture 2 of 4, 0:1, 1 box"),
        ("Control+z", "undone: picture 2 of 4, 0:1, 1 box"),
        ("Control+y", "redone: picture 2 of 4, 0:1, 1 box"),
        ("b", "new lamp 32\N{MULTIPLICATION SIGN}32 at 16, 16"),
        ("Delete", "lamp removed, 1 box"),
        ("m", "groups: left, 0 pictures"),
        ("0", "enlarged 2\N{MULTIPLICATION SIGN}"),
        ("+", "enlarged 3\N{MULTIPLICATION SIGN}"),
    ]:
        opened.keys(key)
        assert told(opened).strip() == said, key
    opened.tab.focus("#grid .tile[tabindex='0']")
    opened.keys("Space")
    assert told(opened) == "left, 1 picture"
    opened.keys("o")
    assert told(opened) == "only left, 1 picture"
    opened.keys("o")
    assert told(opened) == "all 4 pictures"
    opened.keys("p")
    assert (told(opened), focus(opened)) == ("", "0:0"), "the focus speaks for itself"
    opened.keys("ArrowLeft")
    assert opened.status() == "This is the first picture."
    opened.keys("ArrowUp")
    assert opened.status() == "There is no picture above."


def test_that_work_is_not_saved_stands_in_words(page: Opener) -> None:
    opened = page(n=3, concept=["bed"], group=["left"])
    words = (
        "[unsaved.textContent, ...['to-boxes', 'to-groups', 'save'].map(id => document.getElementById(id).textContent)]"
    )
    assert opened.tab.evaluate(words) == ["", "Boxes", "Groups", "Save boxes"]
    opened.keys("b", "m")
    opened.tile(0)
    both = ["not saved: boxes, groups", "Boxes, not saved", "Groups, not saved", "Save groups, not saved"]
    assert opened.tab.evaluate(words) == both
    opened.save()
    assert opened.tab.evaluate(words) == ["not saved: boxes", "Boxes, not saved", "Groups", "Save groups"]
    assert opened.tab.locator("#unsaved").is_visible()


IN_SIGHT = """(place) => { const {left, top, right, bottom} = document.querySelector(place).getBoundingClientRect();
    return Math.min(left, top, innerWidth - right, innerHeight - bottom) > -1 && right - left }"""


def test_where_all_is_enlarged_the_picture_comes_into_sight(page: Opener) -> None:
    opened = page(n=9, concept=["bed", "lamp"], group=["left"], context=SMALL)
    for key in ("n", "p", "b", "m"):
        opened.keys(key)
        assert opened.tab.evaluate("document.documentElement.scrollWidth") <= 320
        if key in "np":
            assert opened.tab.evaluate(IN_SIGHT, "#picture") >= 128, "each of its pixels is two wide"
    opened.keys("n")
    assert opened.tab.evaluate(IN_SIGHT, "#grid .tile[tabindex='0']") >= 128
    for control in ("#save", "#new-name", "#names .choose", "#counts"):
        opened.tab.locator(control).first.scroll_into_view_if_needed()
        assert opened.tab.evaluate(IN_SIGHT, control), control
    opened.keys("?")
    page_of_help = "document.getElementById('help-page')"
    assert opened.tab.evaluate(f"(d => d.scrollWidth <= d.clientWidth && d.scrollTop === 0)({page_of_help})")
    opened.keys("Escape", "m")
    opened.drag((10, 12), (30, 20))
    assert len(opened.boxes().boxes) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_where_colours_are_forced_it_still_shows_what_is_chosen(page: Opener, scheme: str) -> None:
    opened = page(n=3, concept=["bed", "lamp"], group=["left", "right"])
    opened.tab.emulate_media(forced_colors="active", color_scheme=scheme)
    opened.keys("n", "b")
    edges = """([chosen, other]) => { const edge = (place) => {
        const {borderLeftWidth: wide, borderLeftColor: colour, borderLeftStyle: kind, backgroundColor} =
            getComputedStyle(document.querySelector(place));
        return [kind === 'none' ? 0 : parseInt(wide), colour, backgroundColor] };
        return [edge(chosen), edge(other)] }"""
    pairs = [
        ("#to-boxes", "#to-groups"),
        ("#strip .current", "#strip .tile:not(.current)"),
        ("#names li.chosen", "#names li:not(.chosen)"),
    ]
    for pair in pairs:
        chosen, other = opened.tab.evaluate(edges, pair)
        assert chosen[0] >= 3 > other[0] or chosen[2] != other[2], pair
    opened.keys("b")
    chosen, other = opened.tab.evaluate(edges, ["#details .chosen", "#details .choose:not(.chosen)"])
    assert chosen[0] >= 3 > other[0]
    opened.keys("m")
    opened.tile(0)
    chosen, other = opened.tab.evaluate(edges, ["#grid .inside", "#grid .tile:not(.inside)"])
    assert chosen[0] >= 3 > other[0]
    kept = opened.tab.evaluate("getComputedStyle(document.querySelector('#names kbd')).backgroundColor")
    assert kept == "rgb(214, 32, 78)", "the colour of its boxes"


def test_no_ring_of_the_focus_is_cut_off(page: Opener) -> None:
    opened = page(n=9, concept=["bed"], group=["left"])
    opened.keys("b")
    outside = """(place) => { document.querySelector(place).focus();
        const {outlineWidth, outlineOffset, outlineStyle} = getComputedStyle(document.activeElement);
        return [outlineStyle, parseFloat(outlineOffset) + parseFloat(outlineWidth)] }"""
    places = ["#names .choose", "#names [data-does=rename]", "#details .choose", "#details .small", "#strip .tile"]
    for place in places:
        opened.keys("Shift")  # as from the keyboard
        assert opened.tab.evaluate(outside, place) == ["solid", 0], place
    opened.keys("m")
    opened.tile(0)
    for place in ("#grid .tile", "#details .member"):
        opened.keys("Shift")
        assert opened.tab.evaluate(outside, place) == ["solid", 0], place


TEXTS = """() => { const pairs = new Set(); const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) { let at = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !at.checkVisibility()) continue;
        if (at.closest('svg, script, [aria-disabled=true]')) continue;
        const {color} = getComputedStyle(at);
        while (at && getComputedStyle(at).backgroundColor === 'rgba(0, 0, 0, 0)') at = at.parentElement;
        pairs.add([color, at ? getComputedStyle(at).backgroundColor : 'rgb(255, 255, 255)'].join(';')); }
    return [...pairs]; }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_that_is_written_can_be_read(page: Opener, scheme: str) -> None:
    names = [f"name_{letter}" for letter in "abcdefghi"]
    opened = page(n=9, concept=names, group=names)
    opened.tab.emulate_media(color_scheme=scheme)
    opened.keys("b", "b", "n")
    found = set(opened.tab.evaluate(TEXTS))
    opened.keys("m")
    for number in range(9):
        opened.keys(str(number + 1))
        opened.tile(number)
        found |= set(opened.tab.evaluate(TEXTS))
    opened.keys("?")
    found |= set(opened.tab.evaluate(TEXTS))
    pairs = [tuple(map(as_hex, pair.split(";"))) for pair in found]
    assert len(pairs) > 12
    assert not too_faint(pairs)


def as_hex(colour: str) -> str:
    parts = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour)
    assert parts, colour
    return "#" + "".join(f"{int(part):02x}" for part in parts.groups())


def test_shortcuts_of_one_letter_can_be_switched_off(page: Opener) -> None:
    opened = page(n=3, concept=["bed", "lamp"])
    opened.keys("?")
    opened.tab.uncheck("#shortcuts")
    opened.keys("Escape")

    def nothing_happens(opened: Page) -> None:
        opened.tab.locator("#redo").focus()
        for key in ("n", "b", "2", "Shift+Digit2", "m", "a", "o", "+", "?", "0"):
            opened.keys(key)
            assert opened.tab.inner_text("#place-name") == "0:0", key
        assert (focus(opened), opened.listed(), told(opened)) == ("redo", [], "")
        assert not opened.tab.locator("#help-page").is_visible()
        assert "with n" not in opened.tab.inner_text("#hint")

    nothing_happens(opened)
    opened.tab.reload()
    nothing_happens(opened)
    other = page(n=3, seed=4, concept=["bed"])
    other.keys("b")
    assert other.listed() == [], "for every such page in this browser"
    opened.tab.bring_to_front()
    opened.keys("ArrowRight")
    assert opened.tab.inner_text("#place-name") == "0:1"
    opened.tab.click("#new-box")
    assert told(opened) == "new bed 32\N{MULTIPLICATION SIGN}32 at 16, 16"
    opened.keys("Shift+ArrowRight", "Delete", "Control+z")
    assert len(opened.listed()) == 1
    opened.tab.click("#larger")
    opened.tab.click("#zoom")
    opened.tab.click("#help")
    opened.tab.check("#shortcuts")
    opened.keys("Escape", "p")
    assert opened.tab.inner_text("#place-name") == "0:0"


@pytest.mark.parametrize("field", ["#new-name", "#names input", "textarea", "[contenteditable]", "select"])
def test_no_shortcut_works_in_a_field(page: Opener, field: str) -> None:
    opened = page(n=3, concept=["bed", "lamp"])
    opened.tab.evaluate("""document.querySelector('footer').insertAdjacentHTML('beforeend',
        '<textarea></textarea><div contenteditable>x</div><select><option>a</select>')""")
    opened.tab.hover("#names li")
    opened.tab.click("[data-does=rename]")
    opened.tab.focus(field)
    opened.tab.keyboard.type("nb2+m?a0")
    opened.keys("Backspace", "Delete", "ArrowRight", "Control+z")
    assert opened.tab.inner_text("#place-name") == "0:0"
    assert (opened.listed(), told(opened)) == ([], "")
    assert opened.tab.locator("body[data-mode=boxes]").count() == 1
    assert not opened.tab.locator("#help-page").is_visible()


def test_letters_that_are_being_composed_are_no_keys(page: Opener) -> None:
    """Enter takes what an input method proposes; it does not end the name."""
    opened = page(n=3, concept=["bed"])
    opened.tab.hover("#names li")
    opened.tab.click("[data-does=rename]")
    compose = """(key) => document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {key, isComposing: true, bubbles: true}))"""
    for key in ("Enter", "Escape", "Tab"):
        opened.tab.evaluate(compose, key)
    assert opened.tab.locator("#names input").count() == 1


def test_arrows_move_an_enlarged_picture_that_has_the_focus(page: Opener) -> None:
    opened: Any = page(n=3, concept=["bed"])
    assert opened.tab.get_attribute("#stage", "tabindex") == "-1"
    opened.keys(*["+"] * 20)
    opened.tab.focus("#stage")
    opened.keys("ArrowDown", "ArrowDown")
    opened.tab.wait_for_function("document.getElementById('stage').scrollTop > 0")
    assert opened.tab.inner_text("#place-name") == "0:0"
    opened.tab.focus("#larger")
    opened.keys("ArrowRight")
    assert opened.tab.inner_text("#place-name") == "0:1"
