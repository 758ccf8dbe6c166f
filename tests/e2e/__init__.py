import pytest

# So that a failed assertion of a helper shows its values too.
pytest.register_assert_rewrite("tests.e2e.boxes", "tests.e2e.browser", "tests.e2e.people", "tests.e2e.portal")
