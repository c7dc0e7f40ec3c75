"""The structs of the Arrow C interface by hand, with releases counted."""

from __future__ import annotations

import ctypes as c


class Schema(c.Structure):
    pass


class Array(c.Structure):
    pass


class Stream(c.Structure):
    pass


ReleaseSchema = c.CFUNCTYPE(None, c.POINTER(Schema))
ReleaseArray = c.CFUNCTYPE(None, c.POINTER(Array))
ReleaseStream = c.CFUNCTYPE(None, c.POINTER(Stream))
GetSchema = c.CFUNCTYPE(c.c_int, c.POINTER(Stream), c.POINTER(Schema))
GetNext = c.CFUNCTYPE(c.c_int, c.POINTER(Stream), c.POINTER(Array))
LastError = c.CFUNCTYPE(c.c_void_p, c.POINTER(Stream))

Schema._fields_ = [
    ("format", c.c_char_p),
    ("name", c.c_char_p),
    ("metadata", c.c_char_p),
    ("flags", c.c_int64),
    ("n_children", c.c_int64),
    ("children", c.POINTER(c.POINTER(Schema))),
    ("dictionary", c.POINTER(Schema)),
    ("release", ReleaseSchema),
    ("private_data", c.c_void_p),
]
Array._fields_ = [
    ("length", c.c_int64),
    ("null_count", c.c_int64),
    ("offset", c.c_int64),
    ("n_buffers", c.c_int64),
    ("n_children", c.c_int64),
    ("buffers", c.POINTER(c.c_void_p)),
    ("children", c.POINTER(c.POINTER(Array))),
    ("dictionary", c.POINTER(Array)),
    ("release", ReleaseArray),
    ("private_data", c.c_void_p),
]
Stream._fields_ = [
    ("get_schema", GetSchema),
    ("get_next", GetNext),
    ("get_last_error", LastError),
    ("release", ReleaseStream),
    ("private_data", c.c_void_p),
]

_new = c.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]

NO_SCHEMA, NO_ARRAY = c.POINTER(Schema)(), c.POINTER(Array)()


#: A callback must outlive the last struct that holds it, whenever that is collected.
_ALIVE = []


class Made:
    """Structs, and how often each was released."""

    def __init__(self):
        _ALIVE.append(self)
        self.released = {"schema": 0, "array": 0, "stream": 0}
        self._kept = []
        self._on_schema = ReleaseSchema(self._release_schema)
        self._on_array = ReleaseArray(self._release_array)
        self._on_stream = ReleaseStream(self._release_stream)

    def _release_schema(self, pointer):
        self.released["schema"] += 1
        pointer.contents.release = ReleaseSchema()

    def _release_array(self, pointer):
        self.released["array"] += 1
        pointer.contents.release = ReleaseArray()

    def _release_stream(self, pointer):
        self.released["stream"] += 1
        pointer.contents.release = ReleaseStream()

    def _pointers(self, kind, items):
        if not items:
            return c.POINTER(c.POINTER(kind))()
        table = (c.POINTER(kind) * len(items))(*[c.pointer(i) if i else None for i in items])
        self._kept += [table, *items]
        return c.cast(table, c.POINTER(c.POINTER(kind)))

    def schema(self, fmt, *children, name=b"", dictionary=None):
        made = Schema()
        made.format, made.name = fmt, name
        made.n_children, made.children = len(children), self._pointers(Schema, children)
        if dictionary is not None:
            self._kept.append(dictionary)
            made.dictionary = c.pointer(dictionary)
        made.release = self._on_schema
        self._kept.append(made)
        return made

    def array(self, length, buffers, *children, offset=0, nulls=0, dictionary=None):
        made = Array()
        made.length, made.offset, made.null_count = length, offset, nulls
        made.n_buffers, made.n_children = len(buffers), len(children)
        table = (c.c_void_p * max(len(buffers), 1))()
        for k, buffer in enumerate(buffers):
            if buffer is not None:
                self._kept.append(buffer)
                table[k] = buffer.ctypes.data
        self._kept.append(table)
        made.buffers = c.cast(table, c.POINTER(c.c_void_p))
        made.children = self._pointers(Array, children)
        if dictionary is not None:
            self._kept.append(dictionary)
            made.dictionary = c.pointer(dictionary)
        made.release = self._on_array
        self._kept.append(made)
        return made

    def stream(self, schema, arrays, *, schema_error=0, errors=(), text=b"out of ink"):
        """A stream of those arrays; `errors` are the codes of its get_next calls."""
        left, codes = list(arrays), list(errors)

        def get_schema(_, out):
            if schema_error:
                return schema_error
            c.memmove(out, c.addressof(schema), c.sizeof(Schema))
            return 0

        def get_next(_, out):
            code = codes.pop(0) if codes else 0
            if code:
                return code
            if left:
                c.memmove(out, c.addressof(left.pop(0)), c.sizeof(Array))
            else:
                c.memset(out, 0, c.sizeof(Array))
            return 0

        made = Stream()
        made.get_schema, made.get_next = GetSchema(get_schema), GetNext(get_next)
        words = c.create_string_buffer(text) if text is not None else None
        self._kept.append(words)
        made.get_last_error = LastError(lambda _: c.addressof(words) if words else None)
        made.release = self._on_stream
        self._kept.append(made)
        return made


class Giver:
    """An object that hands over an array or a stream."""

    def __init__(self, *structs):
        self.structs = structs

    @staticmethod
    def capsule(struct, name):
        return _new(c.addressof(struct), name, None)


class ArrayGiver(Giver):
    def __arrow_c_array__(self, requested_schema=None):
        schema, array = self.structs
        return self.capsule(schema, b"arrow_schema"), self.capsule(array, b"arrow_array")


class StreamGiver(Giver):
    def __arrow_c_stream__(self, requested_schema=None):
        return self.capsule(self.structs[0], b"arrow_array_stream")
