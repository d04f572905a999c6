"""Manim's drawing, told to say where it draws.

Only code that does what is known is replaced (see `probe`); cameras of the user's own that touch pixels are left alone.
"""

from __future__ import annotations

import math
import types
from typing import Any

from .outline import Outlines
from .pictures import Pictures, Pixels

# What each method of Manim's that is replaced here is made of, in every version that we know.
RENDERER_METHODS = {
    "render": {"update_frame", "add_frame", "get_frame"},
    "freeze_current_frame": {"camera", "frame_rate", "add_frame", "get_frame", "int"},
    "save_static_frame_data": {"static_image", "update_frame", "get_frame"},
}
CAMERA_METHODS = {
    "display_vectorized": {"set_cairo_context_path", "apply_stroke", "apply_fill"},
    "reset": {"set_pixel_array", "background"},
    "set_frame_to_background": {"set_pixel_array"},
}
# Versions set the path in other words, but with these calls in all of them.
OUTLINE_CALLS = {
    "transform_points_pre_display",
    "new_path",
    "new_sub_path",
    "move_to",
    "curve_to",
    "close_path",
    "consider_points_equals_2d",
}
DRAWN_ANYWHERE = (
    "display_multiple_background_colored_vmobjects",
    "display_multiple_point_cloud_mobjects",
    "display_multiple_image_mobjects",
)
PIXEL_METHODS = frozenset(
    {
        "pixel_array",
        "reset",
        "set_pixel_array",
        "set_frame_to_background",
        "capture_mobject",
        "capture_mobjects",
        "get_cairo_context",
        "set_cairo_context_path",
        "apply_stroke",
        "apply_fill",
        "overlay_rgba_array",
        "overlay_PIL_image",
        "reset_pixel_shape",
    }
)
ANTIALIASING = 2
SQUARE_CAP = math.sqrt(2)


def probe(camera_class: Any, renderer_class: Any) -> str | None:
    """Say what differs from the Manim that we know, or None if nothing does."""
    for owner, methods in ((camera_class, CAMERA_METHODS), (renderer_class, RENDERER_METHODS)):
        for name, expected in methods.items():
            method = getattr(owner, name, None)
            if not isinstance(method, types.FunctionType) or set(method.__code__.co_names) != expected:
                return f"{owner.__name__}.{name}"
    outline = getattr(camera_class, "set_cairo_context_path", None)
    if not isinstance(outline, types.FunctionType) or not set(outline.__code__.co_names) >= OUTLINE_CALLS:
        return f"{camera_class.__name__}.set_cairo_context_path"
    for name in ("set_pixel_array", *DRAWN_ANYWHERE):
        if not isinstance(getattr(camera_class, name, None), types.FunctionType):
            return f"{camera_class.__name__}.{name}"
    return None


class Drawing:
    """Follows what one renderer's camera draws."""

    def __init__(self) -> None:
        self._camera: Any = None
        self._pictures: Pictures | None = None

    def pictures_of(self, pixels: Pixels) -> Pictures | None:
        """Give the pictures that a frame belongs to, None if the frame is not the live picture of the camera."""
        pictures = self._pictures
        return pictures if pictures is not None and pictures.pixels is pixels else None

    def install(self, camera_class: Any, vmobject_class: Any, renderer_class: Any) -> None:
        """Replace the methods of Manim's classes."""
        _replace_outlines(camera_class, vmobject_class)
        self._replace_camera(camera_class)
        self._replace_renderer(renderer_class)

    def _follow(self, camera: Any) -> Pictures | None:
        """Give the pictures of the renderer's camera; None where its picture cannot be followed."""
        if camera is not self._camera:
            self._camera = camera
            self._pictures = None
            if not _is_known(type(camera)):
                return None
        elif self._pictures is not None and self._pictures.pixels is camera.pixel_array:
            return self._pictures
        elif self._pictures is None:
            return None
        try:
            self._pictures = Pictures(camera.pixel_array)
        except ValueError:
            self._pictures = None
        return self._pictures

    def _drawn_by(self, camera: Any) -> Pictures | None:
        if camera is self._camera and self._pictures is not None and self._pictures.pixels is camera.pixel_array:
            return self._pictures
        return None

    def _replace_camera(self, camera_class: Any) -> None:
        drawing = self
        set_pixels = camera_class.set_pixel_array
        display = camera_class.display_vectorized

        def set_pixel_array(camera: Any, pixel_array: Any, convert_from_floats: bool = False) -> None:
            pictures = drawing._drawn_by(camera)
            if pictures is not None:
                if not convert_from_floats and pictures.restore(pixel_array, camera.background):
                    return
                pictures.mark_everywhere()
            set_pixels(camera, pixel_array, convert_from_floats)

        def display_vectorized(camera: Any, vmobject: Any, ctx: Any) -> Any:
            done = display(camera, vmobject, ctx)
            pictures = drawing._drawn_by(camera)
            if pictures is not None:
                _mark(pictures, camera, vmobject, ctx)
            return done

        def anywhere(original: Any) -> Any:
            def display_multiple(camera: Any, mobjects: Any, pixel_array: Any) -> Any:
                pictures = drawing._drawn_by(camera)
                if pictures is not None:
                    pictures.mark_everywhere()
                return original(camera, mobjects, pixel_array)

            return display_multiple

        camera_class.set_pixel_array = set_pixel_array
        camera_class.display_vectorized = display_vectorized
        for name in DRAWN_ANYWHERE:
            setattr(camera_class, name, anywhere(getattr(camera_class, name)))

    def _replace_renderer(self, renderer_class: Any) -> None:
        drawing = self
        save_static = renderer_class.save_static_frame_data

        def live(renderer: Any) -> Any:
            """The frame as it is, where Manim takes a copy of it."""
            return renderer.get_frame() if drawing._follow(renderer.camera) is None else renderer.camera.pixel_array

        def render(renderer: Any, scene: Any, time: float, moving_mobjects: Any = None) -> None:
            del time
            renderer.update_frame(scene, moving_mobjects)
            renderer.add_frame(live(renderer))

        def freeze_current_frame(renderer: Any, duration: float) -> None:
            dt = 1 / renderer.camera.frame_rate
            renderer.add_frame(live(renderer), num_frames=int(duration / dt))

        def save_static_frame_data(renderer: Any, scene: Any, static_mobjects: Any) -> Any:
            pictures = drawing._follow(renderer.camera)
            if pictures is None:
                return save_static(renderer, scene, static_mobjects)
            renderer.static_image = None
            if not static_mobjects:
                return None
            renderer.update_frame(scene, mobjects=static_mobjects)
            pictures = drawing._follow(renderer.camera)
            renderer.static_image = renderer.get_frame() if pictures is None else pictures.keep()
            return renderer.static_image

        renderer_class.render = render
        renderer_class.freeze_current_frame = freeze_current_frame
        renderer_class.save_static_frame_data = save_static_frame_data


def _replace_outlines(camera_class: Any, vmobject_class: Any) -> None:
    original = camera_class.set_cairo_context_path
    outlines = Outlines(vmobject_class)

    def set_cairo_context_path(camera: Any, ctx: Any, vmobject: Any) -> Any:
        return camera if outlines.trace(camera, ctx, vmobject) else original(camera, ctx, vmobject)

    camera_class.set_cairo_context_path = set_cairo_context_path


def _is_known(camera_class: type) -> bool:
    """Whether all that touches pixels in a camera's class is Manim's."""
    for part in camera_class.__mro__:
        if part is object or part.__module__.split(".")[0] == "manim":
            continue
        if any(name in PIXEL_METHODS or name.startswith("display_") for name in vars(part)):
            return False
    return True


def _mark(pictures: Pictures, camera: Any, vmobject: Any, ctx: Any) -> None:
    """Mark where a mobject was drawn: its path is still the context's."""
    x0, y0, x1, y1 = ctx.path_extents()
    width = max(vmobject.stroke_width, vmobject.background_stroke_width)
    if width:
        # The sharpest corner that is still mitred reaches this far; caps and round corners stay within it.
        reach = width * camera.cairo_line_width_multiple / 2 * max(ctx.get_miter_limit(), SQUARE_CAP)
        x0, y0, x1, y1 = x0 - reach, y0 - reach, x1 + reach, y1 + reach
    xx, yx, xy, yy, dx, dy = ctx.get_matrix()
    if yx or xy:
        pictures.mark_everywhere()
        return
    x0, x1 = x0 * xx + dx, x1 * xx + dx
    y0, y1 = y0 * yy + dy, y1 * yy + dy
    height, wide = pictures.pixels.shape[:2]
    try:
        left = max(0, math.floor(min(x0, x1)) - ANTIALIASING)
        right = min(wide, math.ceil(max(x0, x1)) + ANTIALIASING)
        top = max(0, math.floor(min(y0, y1)) - ANTIALIASING)
        bottom = min(height, math.ceil(max(y0, y1)) + ANTIALIASING)
    except (ValueError, OverflowError):
        pictures.mark_everywhere()
        return
    if left < right and top < bottom:
        pictures.mark((left, top, right, bottom))
