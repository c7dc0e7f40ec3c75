# cython: language_level=3, boundscheck=False, wraparound=False
"""IoU of box i of one set with box i of the other, one C call a pair, without the GIL."""
from fastlabel.kernels cimport FL_OK, box_iou, fl_status


def pairwise_iou(const double[:, ::1] a, const double[:, ::1] b, double[::1] out):
    """out[i] = IoU of a[i] and b[i]; a and b are (N, 4), out is (N,)."""
    if a.shape[1] != 4 or b.shape[1] != 4 or not a.shape[0] == b.shape[0] == out.shape[0]:
        raise ValueError("a, b: expected shape (N, 4); out: (N,)")
    cdef Py_ssize_t i
    cdef fl_status status = FL_OK
    with nogil:
        for i in range(a.shape[0]):
            status = box_iou(&a[i, 0], 1, &b[i, 0], 1, &out[i])
            if status != FL_OK:
                break
    if status != FL_OK:
        raise ValueError("box_iou failed")
