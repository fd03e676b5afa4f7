"""Parts of ISO base media files, and picture sequences as such files, made without decoding.

The format is ISO/IEC 14496-12 and Apple's QuickTime File Format. Samples are copied as they are; only the
boxes around them are new. Edit lists are read as FFmpeg reads them, since the engine counts frames with it.
"""

from recaster.isobmff.picture_sequence import movie_from_pictures
from recaster.isobmff.trim import TrimmedMovie, trim_movie

__all__ = ["TrimmedMovie", "movie_from_pictures", "trim_movie"]
