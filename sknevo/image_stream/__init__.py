"""Images that stay on disk and are read only when they are needed."""

from sknevo.image_stream._stream import ImageStream

__all__ = ["ImageStream"]
