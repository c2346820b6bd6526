"""Looks at one picture, in a process of its own that may use little memory and time.

``python -I picture_worker.py SOURCE THUMBNAIL`` writes the thumbnail and prints one line of JSON:
width and height (upright) and a placeholder. Exit code 3: this is no picture that can be shown.
Imports nothing of the project, and is started without its environment: whoever finds a hole in a
decoder finds nothing here.
"""

from __future__ import annotations

import base64
import io
import json
import resource
import sys

from PIL import Image, ImageOps

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 20
PIXELS_MAX = 50_000_000  # 4 bytes each
EDGE_PX = 480
TINY_PX = 20
FORMATS = ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"]
NO_PICTURE = 3


def look(source: str, thumbnail: str) -> dict[str, object]:
    """Write the thumbnail; what there is to know about the picture. Raises what Pillow raises."""
    Image.MAX_IMAGE_PIXELS = None  # checked here, before anything is decoded
    with Image.open(source, formats=FORMATS) as opened:
        if opened.width * opened.height > PIXELS_MAX:
            raise ValueError("too many pixels")
        sideways = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        width, height = opened.size
        if opened.format == "JPEG":
            opened.draft("RGB", (EDGE_PX * 2, EDGE_PX * 2))  # decodes at a fraction of the size
        picture = ImageOps.exif_transpose(opened)
        assert picture is not None
        transparent = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
        picture = picture.convert("RGBA" if transparent else "RGB")
    picture.thumbnail((EDGE_PX, EDGE_PX), Image.Resampling.LANCZOS)
    # A new image, so that no profile, comment or EXIF of the old one comes along.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    clean.save(thumbnail, "WEBP", quality=78, method=4)
    tiny = clean.convert("RGB")
    tiny.thumbnail((TINY_PX, TINY_PX), Image.Resampling.BOX)
    small = io.BytesIO()
    tiny.save(small, "WEBP", quality=20, method=6)
    text = base64.b64encode(small.getvalue()).decode()
    return {
        "width": height if sideways else width,
        "height": width if sideways else height,
        "placeholder": f"data:image/webp;base64,{text}",
    }


def main() -> int:
    """Limits first."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        print(json.dumps(look(sys.argv[1], sys.argv[2])))
    except (Exception, MemoryError) as error:
        print(f"{type(error).__name__}: {error}"[:200], file=sys.stderr)
        return NO_PICTURE
    return 0


if __name__ == "__main__":
    sys.exit(main())
