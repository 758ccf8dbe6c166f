"""What the tests of this folder share with those of the portal."""

from tests.box.conftest import account, seaweedfs, store  # noqa: F401 - fixtures
