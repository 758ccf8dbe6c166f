"""What is looked for in titles and names."""

from box.lib.search_words import LONGEST_WORD, MOST_WORDS, words_of


def test_words_are_lower_case_and_so_many_and_so_long_at_most() -> None:
    assert words_of("  Report\tQ3\nСклад ") == ["report", "q3", "склад"]
    assert words_of(" ") == []
    assert len(words_of("a " * MOST_WORDS)) == len(words_of("a " * (MOST_WORDS + 1))) == MOST_WORDS
    assert words_of("x" * LONGEST_WORD + "y") == ["x" * LONGEST_WORD]
