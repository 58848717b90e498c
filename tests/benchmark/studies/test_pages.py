"""A study's page: numbers with their intervals kept whole, words left to wrap."""

from hilbert.benchmark.studies.pages import Section, html


def test_words_are_wrapped_and_numbers_are_not():
    words = "prototypes.stability: (0.0,) → [0, 1, 2], and more that would not fit"
    sections = [
        Section("numbers", ["model", "AUC"], [["clip", ".7 [.6, .8]"], ["gmc", ""]]),
        Section("words", ["step", "what it changes"], [["core", words], ["head", "nothing"]]),
        Section("empty", ["model", "AUC"], []),
    ]
    page = html("heads", "What.", sections, ["A line."], True)
    assert '<td class="whole">.7 <span class="span">[.6, .8]</span></td>' in page
    assert f'<td class="text">{words}</td>' in page
    assert '<td class="text">nothing</td>' in page
    assert page.count('<th scope="col" class="text">') == 1
    assert "proves plumbing only" in page
