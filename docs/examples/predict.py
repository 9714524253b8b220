"""Predicts with the shared library of a model in Python, through ctypes: nothing has to be installed.

    hpacc models/small.hpanet --dataset my.hpanet --emit library
    python3 predict.py generated/small/libsmall.so runs/1/best.safetensors pixels.raw 96 96 >probabilities.csv

pixels.raw holds images of 8 bits, one after the other: [image][height][width][plane]. An array of numpy serves as well:
it must be C-contiguous, and array.ctypes.data is its address.
"""
import ctypes
import pathlib
import sys


class Images(ctypes.Structure):
    _fields_ = [("pixels", ctypes.c_void_p), ("bits", ctypes.c_int), ("count", ctypes.c_int64),
                ("height", ctypes.c_int64), ("width", ctypes.c_int64), ("planes", ctypes.c_int64)]


class Predictor:
    """The library of a model, whatever its name, with one file of weights."""

    def __init__(self, library, weights):
        library = pathlib.Path(library).resolve()
        self.name = library.stem.removeprefix("lib")
        self.library = ctypes.CDLL(str(library))
        self.error = ctypes.create_string_buffer(512)
        self.planes = self.function("plane_count", ctypes.c_int)()
        class_name = self.function("class_name", ctypes.c_char_p, ctypes.c_int)
        self.classes = [class_name(c).decode() for c in range(self.function("class_count", ctypes.c_int)())]
        create = self.function("create", ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)
        self.predict_images = self.function("predict", ctypes.c_bool, ctypes.c_void_p, ctypes.POINTER(Images),
                                            ctypes.POINTER(ctypes.c_float), ctypes.c_char_p, ctypes.c_size_t)
        self.destroy = self.function("destroy", None, ctypes.c_void_p)
        self.handle = create(weights.encode(), self.error, len(self.error))
        if not self.handle:
            raise RuntimeError(self.error.value.decode(errors="replace"))

    def function(self, name, result, *arguments):
        function = getattr(self.library, f"{self.name}_{name}")
        function.restype, function.argtypes = result, arguments
        return function

    def predict(self, pixels, height, width):
        """Rows of probabilities, a row an image; `pixels` are bytes."""
        count = len(pixels) // (height * width * self.planes)
        images = Images(ctypes.cast(pixels, ctypes.c_void_p), 8, count, height, width, self.planes)
        rows = (ctypes.c_float * (count * len(self.classes)))()
        if not self.predict_images(self.handle, images, rows, self.error, len(self.error)):
            raise RuntimeError(self.error.value.decode(errors="replace"))
        return [rows[i:i + len(self.classes)] for i in range(0, len(rows), len(self.classes))]

    def close(self):
        self.destroy(self.handle)


def main(library, weights, pixels, height, width):
    predictor = Predictor(library, weights)
    print(",".join(["image"] + predictor.classes))
    rows = predictor.predict(pathlib.Path(pixels).read_bytes(), int(height), int(width))
    for image, row in enumerate(rows):
        print(",".join([str(image)] + [f"{probability:.9g}" for probability in row]))
    predictor.close()


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: predict.py LIBRARY WEIGHTS PIXELS HEIGHT WIDTH")
    main(*sys.argv[1:])
