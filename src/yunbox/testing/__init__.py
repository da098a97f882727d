"""A cloud for tests: it starts in milliseconds, forgets everything, and its clock can be moved (docs/testing.md).

``with start_cloud() as cloud`` anywhere; in pytest the fixture ``yunbox_cloud``; in Node.js ``yunbox/testing``.
"""

from yunbox.testing.cloud import Cloud, Person, start_cloud

__all__ = ["Cloud", "Person", "start_cloud"]
