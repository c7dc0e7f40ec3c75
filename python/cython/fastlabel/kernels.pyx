# Written by tools/write_kernels.py from fastlabel.h, which says what each function does.
# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, freethreading_compatible=True
"""The kernels for Cython and numba: ``from fastlabel.kernels cimport box_iou``.

There is nothing here to call from Python; use the functions of ``fastlabel``.
"""
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fastlabel/fastlabel.h" nogil:
    int32_t fl_abi_version()
    const char* fl_version()
    const char* fl_status_text(fl_status status)
    fl_status fl_init()
    const char* fl_isa_name()
    int32_t fl_isa_available(const char** names, int32_t capacity)
    fl_status fl_isa_select(const char* name)
    fl_status fl_overlap_options_init(fl_overlap_options* options, size_t struct_size)
    fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out)
    fl_status fl_box_iou_f32(const float* a, int64_t n, const float* b, int64_t m, float* out)
    fl_status fl_box_matrix(const fl_boxes* a, const fl_boxes* b,
            const fl_overlap_options* options, void* out, int64_t row_stride, int64_t column_stride)
    fl_status fl_box_aligned(const fl_boxes* a, const fl_boxes* b,
            const fl_overlap_options* options, void* out, int64_t stride)
    fl_status fl_box_find_bad(const fl_boxes* boxes, int64_t* row)
    fl_status fl_box_area(const fl_boxes* boxes, void* out, int64_t stride)
    fl_status fl_box_convert(const fl_boxes* boxes, int32_t out_format, const double* in_size,
            const double* out_size, int64_t size_step, void* out, int64_t row_stride,
            int64_t column_stride)
    fl_status fl_box_clip(const fl_boxes* boxes, double width, double height, void* out,
            int64_t row_stride, int64_t column_stride)
    fl_status fl_ragged_sizes(const int64_t* offsets_a, const int64_t* offsets_b, int64_t groups,
            int64_t* out_offsets)
    fl_status fl_ragged_iou(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
            const int64_t* offsets_b, int64_t groups, const fl_overlap_options* options, void* out)
    fl_status fl_ragged_best(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
            const int64_t* offsets_b, int64_t groups, int32_t metric, double threshold,
            int64_t* index, void* value)
    fl_status fl_ragged_counts(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
            const int64_t* offsets_b, int64_t groups, double threshold, int64_t* counts)
    fl_status fl_box_pairs_between(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
            const int64_t* offsets_b, int64_t groups, double threshold, fl_pair_sink sink,
            void* context)
    fl_status fl_box_pairs_within(const fl_boxes* boxes, const int64_t* offsets, int64_t groups,
            double threshold, int64_t max_per_box, fl_pair_sink sink, void* context)
    fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
            double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity, int64_t* count)
    fl_status fl_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
            double iou_threshold, int64_t* keep, int64_t* kept)
    fl_status fl_soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
            int32_t decay, double iou_threshold, double sigma, double score_threshold,
            int64_t* keep, double* new_scores, int64_t* kept)
    fl_status fl_non_max_merge(const fl_boxes* boxes, const double* scores, const int64_t* classes,
            int32_t metric, double threshold, double* merged, int64_t* best, int64_t* group,
            int64_t* groups)
    fl_status fl_fusion_options_init(fl_fusion_options* options, size_t struct_size)
    fl_status fl_weighted_boxes_fusion(const fl_boxes* boxes, const double* scores,
            const int64_t* classes, const int64_t* models, const double* weights, int64_t n_models,
            const fl_fusion_options* options, double* out_boxes, double* out_scores,
            int64_t* out_classes, int64_t* fused)
    fl_status fl_match_coco(const fl_match_input* input, int64_t* prediction_match,
            uint8_t* prediction_ignored, int64_t* label_match)
    fl_status fl_obb_iou(const double* a, int64_t n, const double* b, int64_t m, double* out)
    fl_status fl_obb_iou_aligned(const double* a, const double* b, int64_t n, double* out)
    fl_status fl_obb_nms(const double* boxes, const double* scores, const int64_t* classes,
            int64_t n, double iou_threshold, int64_t* keep, int64_t* kept)
    fl_status fl_obb_to_corners(const double* boxes, int64_t n, double* out)
    fl_status fl_obb_from_corners(const double* corners, int64_t n, double* out)
    fl_status fl_frame_bytes(const fl_frame* frame, int64_t* bytes)
    fl_status fl_letterbox_output(const fl_frame* frame, const fl_letterbox_options* options,
            int32_t* channels, int64_t* bytes)
    fl_status fl_frame_placement(const fl_frame* frame, const fl_letterbox_options* options,
            fl_placement* out)
    fl_status fl_letterbox_work_size(const fl_frame* frame, const fl_letterbox_options* options,
            size_t* bytes)
    fl_status fl_letterbox_into(const fl_frame* frame, const fl_letterbox_options* options,
            void* out, const int64_t* strides, void* work, size_t work_size,
            fl_placement* placement)
    fl_status fl_letterbox_frame(const fl_frame* frame, const fl_letterbox_options* options,
            void* out, const int64_t* strides, fl_placement* placement)
    fl_status fl_letterbox_frame_batch(const fl_frame* frames, int64_t n,
            const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
            const int64_t* strides, fl_placement* placements)
    fl_status fl_letterbox_boxes_to_input(const fl_placement* placement, const fl_window* window,
            const fl_boxes* boxes, void* out)
    fl_status fl_letterbox_boxes_to_frame(const fl_placement* placement, const fl_window* window,
            int32_t clip, const fl_boxes* boxes, void* out)
    fl_status fl_gate_options_init(fl_gate_options* options, size_t struct_size)
    fl_status fl_gate_state_size(int32_t width, int32_t height, size_t* size)
    fl_status fl_gate_init(void* state, size_t size, int32_t width, int32_t height,
            const fl_gate_options* options)
    fl_status fl_gate_rows(void* state, const uint8_t* rows, int32_t count, int64_t stride)
    fl_status fl_gate_end(void* state, fl_gate_result* result)
    fl_status fl_gate_drop(void* state)
    fl_status fl_gate_frame(void* state, const uint8_t* luma, int64_t stride,
            fl_gate_result* result)
    fl_status fl_gate_measure(const fl_gate_result* result, fl_gate_measures* measures)
    fl_status fl_tile_merge_options_init(fl_tile_merge_options* options, size_t struct_size)
    fl_status fl_merge_tiles(const fl_tile_predictions* predictions,
            const fl_tile_merge_options* options, fl_tile_merged* out)
    fl_status fl_compare_profiles(const uint8_t* profiles, int64_t n_profiles, const int64_t* rows,
            int64_t n, const uint8_t* templates, int32_t workers, double* gain, int8_t* moves,
            double* likeness)
    fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
            int64_t stride_bytes, double* out)
    fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
            int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
            int32_t turned, int32_t rings, fl_luma_stats* stats, fl_box_row* box_rows)
    fl_status fl_image_stats(const fl_image* image, const fl_boxes* boxes, int32_t every_row,
            fl_luma_stats* stats, fl_box_row* box_rows)
    fl_status fl_luma(const fl_image* image, uint8_t* out, int64_t row_stride)
    fl_status fl_image_laplacian_variance(const fl_image* image, const fl_boxes* boxes, double* out)
    fl_status fl_luma_histogram(const fl_image* image, const fl_boxes* boxes, uint64_t* counts)
    fl_status fl_histogram_entropy(const uint64_t* counts, int64_t n, double* out)
    fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t* out)
    fl_status fl_composite_options_init(fl_composite_options* options, size_t struct_size)
    fl_status fl_composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
            const fl_image* mask, const fl_composite_options* options)
    fl_status fl_resize_area(const fl_image* image, int64_t width, int64_t height, uint8_t* out,
            int64_t row_stride, int64_t pixel_stride, int64_t channel_stride)
    fl_status fl_letterbox_options_init(fl_letterbox_options* options, size_t struct_size)
    fl_status fl_letterbox_placement(int64_t image_width, int64_t image_height,
            const fl_letterbox_options* options, fl_placement* out)
    fl_status fl_letterbox(const fl_image* image, const fl_letterbox_options* options, void* out,
            const int64_t* strides, fl_placement* placement)
    fl_status fl_letterbox_batch(const fl_image* images, int64_t n,
            const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
            const int64_t* strides, fl_placement* placements)
    fl_status fl_recipe_read(const char* text, size_t length, fl_letterbox_options* options,
            size_t struct_size, fl_recipe_error* error)
    fl_status fl_tile_grid_init(fl_tile_grid* grid, size_t struct_size)
    fl_status fl_tile_counts(const fl_tile_grid* grid, int64_t width, int64_t height,
            int64_t* columns, int64_t* rows)
    fl_status fl_tile_windows(const fl_tile_grid* grid, int64_t width, int64_t height,
            int64_t* out, int64_t capacity)
    fl_status fl_tile_count_boxes(const fl_tile_job* job, int64_t* tile_offsets, uint8_t* outcome)
    fl_status fl_tile_clip_boxes(const fl_tile_job* job, const int64_t* tile_offsets, int64_t* row,
            double* corners, double* visible)
    fl_status fl_coco_options_init(fl_coco_options* options, size_t struct_size)
    fl_status fl_coco_read(const char* path, const fl_coco_options* options, fl_coco** out)
    fl_status fl_coco_summarise(const fl_coco* coco, fl_coco_summary* summary)
    fl_status fl_coco_member(const fl_coco* coco, int64_t member, int32_t* section,
            int64_t* offset, int64_t* elements, const char** key, int64_t* key_bytes,
            const char** value, int64_t* value_bytes)
    fl_status fl_coco_pieces(fl_coco* coco, const char* column, int64_t* pieces)
    fl_status fl_coco_rows(fl_coco* coco, const char* column, int64_t piece, int64_t* rows)
    fl_status fl_coco_take(fl_coco* coco, const char* column, int64_t piece, int32_t part,
            void** data, int64_t* bytes)
    void fl_coco_free(void* data)
    void fl_coco_destroy(fl_coco* coco)
    const char* fl_cut_mode_name(int32_t mode)
    fl_status fl_cut_options_init(fl_cut_options* options, size_t struct_size)
    fl_status fl_cut_jpeg(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
            const fl_cut_options* options, fl_tile_taker taker, void* user, fl_cut_row* row,
            fl_cut_tile* tiles)
    fl_status fl_cut_align(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
            const fl_cut_options* options, int64_t* out)
    fl_status fl_read_window(const uint8_t* data, uint64_t size, const int64_t* window,
            int32_t color, const fl_cut_options* options, uint8_t* out, int64_t stride,
            fl_cut_row* row)
    fl_status fl_cutter_create(const fl_cut_options* options, fl_cutter** out)
    fl_status fl_cutter_submit(fl_cutter* cutter, const fl_cut_job* jobs, int64_t n,
            const int64_t* windows, const char* const* outputs, int64_t* ticket)
    fl_status fl_cutter_wait(fl_cutter* cutter, int64_t ticket, int32_t timeout_ms, int64_t* done)
    fl_status fl_cutter_collect(fl_cutter* cutter, int64_t ticket, fl_cut_row* rows,
            fl_cut_tile* tiles)
    fl_status fl_cutter_cancel(fl_cutter* cutter)
    void fl_cutter_destroy(fl_cutter* cutter)
    fl_status fl_look_up(const fl_image* image, const uint8_t* tables, int32_t n_tables,
            uint8_t* out, int64_t row_stride)
    fl_status fl_filter_taps(const fl_image* image, const int32_t* dx, const int32_t* dy,
            const double* weights, int64_t taps, uint8_t* out, int64_t row_stride)
    fl_status fl_sensor_noise(const fl_image* image, double read, double shot, double colour,
            uint64_t seed, uint8_t* out, int64_t row_stride)
    fl_status fl_salt_and_pepper(const fl_image* image, double amount, double salt, uint64_t seed,
            uint8_t* out, int64_t row_stride)
    fl_status fl_veil(const fl_image* image, const fl_image* mask, const uint8_t* colour,
            uint8_t* out, int64_t row_stride)
    fl_status fl_evaluate(const fl_evaluation_input* input, fl_evaluation* out)
    fl_status fl_stat_files(const char* folder, const char* names, const int64_t* offsets,
            int64_t n, int32_t workers, fl_file_stamp* out)
    fl_status fl_hash_slices(const uint8_t* data, const int64_t* offsets, int64_t n, uint8_t* out)
    fl_status fl_hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance,
            int32_t workers, int64_t max_pairs, fl_hash_pair_sink sink, void* context)
    fl_status fl_hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance,
            int32_t workers, int64_t* clusters)
    fl_status fl_label_options_init(fl_label_options* options, size_t struct_size)
    fl_status fl_yolo_read(const fl_label_files* files, const fl_label_options* options,
            fl_label_columns** out)
    fl_status fl_voc_read(const fl_label_files* files, const fl_label_options* options,
            fl_label_columns** out)
    fl_status fl_label_pieces(const fl_label_columns* columns, const char* column, int64_t* pieces)
    fl_status fl_label_rows(const fl_label_columns* columns, const char* column, int64_t piece,
            int64_t* rows)
    fl_status fl_label_take(fl_label_columns* columns, const char* column, int64_t piece,
            int32_t part, void** data, int64_t* bytes)
    void fl_label_free(void* data)
    void fl_label_destroy(fl_label_columns* columns)
    fl_status fl_pairing_options_init(fl_pairing_options* options, size_t struct_size)
    fl_status fl_pair_predictions(const fl_pairing_input* input, const fl_pairing_options* options,
            const fl_pairing_result* result)
    fl_status fl_paste_options_init(fl_paste_options* options, size_t struct_size)
    fl_status fl_paste_window(int64_t scene_width, int64_t scene_height, const double* box,
            const fl_paste_options* options, int64_t* window)
    fl_status fl_paste_object(const fl_image* scene, const fl_image* patch, const fl_image* alpha,
            const double* patch_box, const double* box, const fl_paste_options* options,
            uint8_t* mask, uint8_t* pixels, fl_paste_report* report)
    const char* fl_format_name(int32_t format)
    fl_status fl_sniff(const uint8_t* data, uint64_t size, fl_header* header)
    fl_status fl_sniff_files(const char* const* paths, int64_t n, int32_t workers,
            fl_header* headers)
    const char* fl_image_status_name(int32_t status)
    fl_status fl_tar_index(const char* path, fl_tar_summary* summary, fl_tar** out)
    fl_status fl_tar_copy(const fl_tar* tar, fl_tar_member* members, char* names)
    void fl_tar_destroy(fl_tar* tar)
    fl_status fl_scan_options_init(fl_scan_options* options, size_t struct_size)
    fl_status fl_scanner_create(const fl_scan_options* options, fl_scanner** out)
    fl_status fl_scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
            const double* boxes, const int64_t* offsets, int64_t* ticket)
    fl_status fl_scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
            int64_t* done)
    fl_status fl_scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
            fl_box_row* box_rows)
    fl_status fl_scanner_cancel(fl_scanner* scanner)
    void fl_scanner_destroy(fl_scanner* scanner)
    const char* fl_jpeg_codec()
    fl_status fl_histogram_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
            const fl_column* weight, int64_t* counts, fl_fixed* sums, double* heaviest)
    fl_status fl_moments_init(fl_moments* groups, int64_t n)
    fl_status fl_moments_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
            const fl_column* value, fl_moments* groups)
    fl_status fl_moments_merge(fl_moments* into, const fl_moments* from_, int64_t n)
    fl_status fl_sketch_create(int32_t bits, fl_sketch** out)
    void fl_sketch_destroy(fl_sketch* sketch)
    fl_status fl_sketch_fill(fl_sketch* sketch, const fl_axis* axes, int32_t n_axes,
            const fl_column* columns, const fl_column* value)
    fl_status fl_sketch_add(fl_sketch* sketch, const fl_sketch_entry* entries, int64_t n)
    fl_status fl_sketch_entries(const fl_sketch* sketch, fl_sketch_entry* out, int64_t capacity,
            int64_t* count)
    fl_status fl_arrow_create(fl_arrow** out)
    void fl_arrow_destroy(fl_arrow* reader)
    const char* fl_arrow_message(const fl_arrow* reader)
    const char* fl_arrow_batch_message(const fl_arrow_batch* batch)
    fl_status fl_arrow_open_stream(fl_arrow* reader, ArrowArrayStream* stream)
    fl_status fl_arrow_open_array(fl_arrow* reader, ArrowSchema* schema, ArrowArray* array)
    int64_t fl_arrow_columns(const fl_arrow* reader)
    const char* fl_arrow_column_name(const fl_arrow* reader, int64_t column)
    const char* fl_arrow_column_format(const fl_arrow* reader, int64_t column)
    fl_status fl_arrow_next(fl_arrow* reader, fl_arrow_batch** out)
    void fl_arrow_batch_destroy(fl_arrow_batch* batch)
    int64_t fl_arrow_batch_rows(const fl_arrow_batch* batch)
    fl_status fl_arrow_batch_column(fl_arrow_batch* batch, int64_t column, fl_arrow_view* nodes,
            int64_t capacity, int64_t* count)
    fl_status fl_arrow_text(const fl_arrow_view* text, int64_t row, const char** data,
            int64_t* size)
    fl_status fl_arrow_text_codes(const fl_arrow_view* text, const char* const* names,
            int64_t n_names, int32_t* codes)
    fl_status fl_warp_affine(const fl_image* image, const double* m, int32_t edge, uint8_t fill,
            uint8_t* out, int64_t width, int64_t height, int64_t row_stride)


cdef int32_t abi_version() noexcept nogil:
    return fl_abi_version()


cdef const char* version() noexcept nogil:
    return fl_version()


cdef const char* status_text(fl_status status) noexcept nogil:
    return fl_status_text(status)


cdef fl_status init() noexcept nogil:
    return fl_init()


cdef const char* isa_name() noexcept nogil:
    return fl_isa_name()


cdef int32_t isa_available(const char** names, int32_t capacity) noexcept nogil:
    return fl_isa_available(names, capacity)


cdef fl_status isa_select(const char* name) noexcept nogil:
    return fl_isa_select(name)


cdef fl_status overlap_options_init(fl_overlap_options* options, size_t struct_size) noexcept nogil:
    return fl_overlap_options_init(options, struct_size)


cdef fl_status box_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil:
    return fl_box_iou(a, n, b, m, out)


cdef fl_status box_iou_f32(const float* a, int64_t n, const float* b, int64_t m,
        float* out) noexcept nogil:
    return fl_box_iou_f32(a, n, b, m, out)


cdef fl_status box_matrix(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
        void* out, int64_t row_stride, int64_t column_stride) noexcept nogil:
    return fl_box_matrix(a, b, options, out, row_stride, column_stride)


cdef fl_status box_aligned(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
        void* out, int64_t stride) noexcept nogil:
    return fl_box_aligned(a, b, options, out, stride)


cdef fl_status box_find_bad(const fl_boxes* boxes, int64_t* row) noexcept nogil:
    return fl_box_find_bad(boxes, row)


cdef fl_status box_area(const fl_boxes* boxes, void* out, int64_t stride) noexcept nogil:
    return fl_box_area(boxes, out, stride)


cdef fl_status box_convert(const fl_boxes* boxes, int32_t out_format, const double* in_size,
        const double* out_size, int64_t size_step, void* out, int64_t row_stride,
        int64_t column_stride) noexcept nogil:
    return fl_box_convert(boxes, out_format, in_size, out_size, size_step, out, row_stride,
        column_stride)


cdef fl_status box_clip(const fl_boxes* boxes, double width, double height, void* out,
        int64_t row_stride, int64_t column_stride) noexcept nogil:
    return fl_box_clip(boxes, width, height, out, row_stride, column_stride)


cdef fl_status ragged_sizes(const int64_t* offsets_a, const int64_t* offsets_b, int64_t groups,
        int64_t* out_offsets) noexcept nogil:
    return fl_ragged_sizes(offsets_a, offsets_b, groups, out_offsets)


cdef fl_status ragged_iou(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, const fl_overlap_options* options,
        void* out) noexcept nogil:
    return fl_ragged_iou(a, offsets_a, b, offsets_b, groups, options, out)


cdef fl_status ragged_best(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, int32_t metric, double threshold, int64_t* index,
        void* value) noexcept nogil:
    return fl_ragged_best(a, offsets_a, b, offsets_b, groups, metric, threshold, index, value)


cdef fl_status ragged_counts(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, double threshold, int64_t* counts) noexcept nogil:
    return fl_ragged_counts(a, offsets_a, b, offsets_b, groups, threshold, counts)


cdef fl_status box_pairs_between(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
        const int64_t* offsets_b, int64_t groups, double threshold, fl_pair_sink sink,
        void* context) noexcept nogil:
    return fl_box_pairs_between(a, offsets_a, b, offsets_b, groups, threshold, sink, context)


cdef fl_status box_pairs_within(const fl_boxes* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair_sink sink, void* context) noexcept nogil:
    return fl_box_pairs_within(boxes, offsets, groups, threshold, max_per_box, sink, context)


cdef fl_status box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
        double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
        int64_t* count) noexcept nogil:
    return fl_box_pairs(boxes, offsets, groups, threshold, max_per_box, out, capacity, count)


cdef fl_status nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        double iou_threshold, int64_t* keep, int64_t* kept) noexcept nogil:
    return fl_nms(boxes, scores, classes, iou_threshold, keep, kept)


cdef fl_status soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        int32_t decay, double iou_threshold, double sigma, double score_threshold, int64_t* keep,
        double* new_scores, int64_t* kept) noexcept nogil:
    return fl_soft_nms(boxes, scores, classes, decay, iou_threshold, sigma, score_threshold, keep,
        new_scores, kept)


cdef fl_status non_max_merge(const fl_boxes* boxes, const double* scores, const int64_t* classes,
        int32_t metric, double threshold, double* merged, int64_t* best, int64_t* group,
        int64_t* groups) noexcept nogil:
    return fl_non_max_merge(boxes, scores, classes, metric, threshold, merged, best, group, groups)


cdef fl_status fusion_options_init(fl_fusion_options* options, size_t struct_size) noexcept nogil:
    return fl_fusion_options_init(options, struct_size)


cdef fl_status weighted_boxes_fusion(const fl_boxes* boxes, const double* scores,
        const int64_t* classes, const int64_t* models, const double* weights, int64_t n_models,
        const fl_fusion_options* options, double* out_boxes, double* out_scores,
        int64_t* out_classes, int64_t* fused) noexcept nogil:
    return fl_weighted_boxes_fusion(boxes, scores, classes, models, weights, n_models, options,
        out_boxes, out_scores, out_classes, fused)


cdef fl_status match_coco(const fl_match_input* input, int64_t* prediction_match,
        uint8_t* prediction_ignored, int64_t* label_match) noexcept nogil:
    return fl_match_coco(input, prediction_match, prediction_ignored, label_match)


cdef fl_status obb_iou(const double* a, int64_t n, const double* b, int64_t m,
        double* out) noexcept nogil:
    return fl_obb_iou(a, n, b, m, out)


cdef fl_status obb_iou_aligned(const double* a, const double* b, int64_t n,
        double* out) noexcept nogil:
    return fl_obb_iou_aligned(a, b, n, out)


cdef fl_status obb_nms(const double* boxes, const double* scores, const int64_t* classes,
        int64_t n, double iou_threshold, int64_t* keep, int64_t* kept) noexcept nogil:
    return fl_obb_nms(boxes, scores, classes, n, iou_threshold, keep, kept)


cdef fl_status obb_to_corners(const double* boxes, int64_t n, double* out) noexcept nogil:
    return fl_obb_to_corners(boxes, n, out)


cdef fl_status obb_from_corners(const double* corners, int64_t n, double* out) noexcept nogil:
    return fl_obb_from_corners(corners, n, out)


cdef fl_status frame_bytes(const fl_frame* frame, int64_t* bytes) noexcept nogil:
    return fl_frame_bytes(frame, bytes)


cdef fl_status letterbox_output(const fl_frame* frame, const fl_letterbox_options* options,
        int32_t* channels, int64_t* bytes) noexcept nogil:
    return fl_letterbox_output(frame, options, channels, bytes)


cdef fl_status frame_placement(const fl_frame* frame, const fl_letterbox_options* options,
        fl_placement* out) noexcept nogil:
    return fl_frame_placement(frame, options, out)


cdef fl_status letterbox_work_size(const fl_frame* frame, const fl_letterbox_options* options,
        size_t* bytes) noexcept nogil:
    return fl_letterbox_work_size(frame, options, bytes)


cdef fl_status letterbox_into(const fl_frame* frame, const fl_letterbox_options* options,
        void* out, const int64_t* strides, void* work, size_t work_size,
        fl_placement* placement) noexcept nogil:
    return fl_letterbox_into(frame, options, out, strides, work, work_size, placement)


cdef fl_status letterbox_frame(const fl_frame* frame, const fl_letterbox_options* options,
        void* out, const int64_t* strides, fl_placement* placement) noexcept nogil:
    return fl_letterbox_frame(frame, options, out, strides, placement)


cdef fl_status letterbox_frame_batch(const fl_frame* frames, int64_t n,
        const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
        const int64_t* strides, fl_placement* placements) noexcept nogil:
    return fl_letterbox_frame_batch(frames, n, options, workers, out, image_stride, strides,
        placements)


cdef fl_status letterbox_boxes_to_input(const fl_placement* placement, const fl_window* window,
        const fl_boxes* boxes, void* out) noexcept nogil:
    return fl_letterbox_boxes_to_input(placement, window, boxes, out)


cdef fl_status letterbox_boxes_to_frame(const fl_placement* placement, const fl_window* window,
        int32_t clip, const fl_boxes* boxes, void* out) noexcept nogil:
    return fl_letterbox_boxes_to_frame(placement, window, clip, boxes, out)


cdef fl_status gate_options_init(fl_gate_options* options, size_t struct_size) noexcept nogil:
    return fl_gate_options_init(options, struct_size)


cdef fl_status gate_state_size(int32_t width, int32_t height, size_t* size) noexcept nogil:
    return fl_gate_state_size(width, height, size)


cdef fl_status gate_init(void* state, size_t size, int32_t width, int32_t height,
        const fl_gate_options* options) noexcept nogil:
    return fl_gate_init(state, size, width, height, options)


cdef fl_status gate_rows(void* state, const uint8_t* rows, int32_t count,
        int64_t stride) noexcept nogil:
    return fl_gate_rows(state, rows, count, stride)


cdef fl_status gate_end(void* state, fl_gate_result* result) noexcept nogil:
    return fl_gate_end(state, result)


cdef fl_status gate_drop(void* state) noexcept nogil:
    return fl_gate_drop(state)


cdef fl_status gate_frame(void* state, const uint8_t* luma, int64_t stride,
        fl_gate_result* result) noexcept nogil:
    return fl_gate_frame(state, luma, stride, result)


cdef fl_status gate_measure(const fl_gate_result* result,
        fl_gate_measures* measures) noexcept nogil:
    return fl_gate_measure(result, measures)


cdef fl_status tile_merge_options_init(fl_tile_merge_options* options,
        size_t struct_size) noexcept nogil:
    return fl_tile_merge_options_init(options, struct_size)


cdef fl_status merge_tiles(const fl_tile_predictions* predictions,
        const fl_tile_merge_options* options, fl_tile_merged* out) noexcept nogil:
    return fl_merge_tiles(predictions, options, out)


cdef fl_status compare_profiles(const uint8_t* profiles, int64_t n_profiles, const int64_t* rows,
        int64_t n, const uint8_t* templates, int32_t workers, double* gain, int8_t* moves,
        double* likeness) noexcept nogil:
    return fl_compare_profiles(profiles, n_profiles, rows, n, templates, workers, gain, moves,
        likeness)


cdef fl_status laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, double* out) noexcept nogil:
    return fl_laplacian_variance(luma, width, height, stride_bytes, out)


cdef fl_status measure_luma(const uint8_t* luma, int64_t width, int64_t height,
        int64_t stride_bytes, const double* boxes, int64_t n_boxes, int32_t orientation,
        int32_t turned, int32_t rings, fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil:
    return fl_measure_luma(luma, width, height, stride_bytes, boxes, n_boxes, orientation, turned,
        rings, stats, box_rows)


cdef fl_status image_stats(const fl_image* image, const fl_boxes* boxes, int32_t every_row,
        fl_luma_stats* stats, fl_box_row* box_rows) noexcept nogil:
    return fl_image_stats(image, boxes, every_row, stats, box_rows)


cdef fl_status luma(const fl_image* image, uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_luma(image, out, row_stride)


cdef fl_status image_laplacian_variance(const fl_image* image, const fl_boxes* boxes,
        double* out) noexcept nogil:
    return fl_image_laplacian_variance(image, boxes, out)


cdef fl_status luma_histogram(const fl_image* image, const fl_boxes* boxes,
        uint64_t* counts) noexcept nogil:
    return fl_luma_histogram(image, boxes, counts)


cdef fl_status histogram_entropy(const uint64_t* counts, int64_t n, double* out) noexcept nogil:
    return fl_histogram_entropy(counts, n, out)


cdef fl_status content_hash(const uint8_t* data, uint64_t size, uint8_t* out) noexcept nogil:
    return fl_content_hash(data, size, out)


cdef fl_status composite_options_init(fl_composite_options* options,
        size_t struct_size) noexcept nogil:
    return fl_composite_options_init(options, struct_size)


cdef fl_status composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
        const fl_image* mask, const fl_composite_options* options) noexcept nogil:
    return fl_composite(scene, patch, x, y, mask, options)


cdef fl_status resize_area(const fl_image* image, int64_t width, int64_t height, uint8_t* out,
        int64_t row_stride, int64_t pixel_stride, int64_t channel_stride) noexcept nogil:
    return fl_resize_area(image, width, height, out, row_stride, pixel_stride, channel_stride)


cdef fl_status letterbox_options_init(fl_letterbox_options* options,
        size_t struct_size) noexcept nogil:
    return fl_letterbox_options_init(options, struct_size)


cdef fl_status letterbox_placement(int64_t image_width, int64_t image_height,
        const fl_letterbox_options* options, fl_placement* out) noexcept nogil:
    return fl_letterbox_placement(image_width, image_height, options, out)


cdef fl_status letterbox(const fl_image* image, const fl_letterbox_options* options, void* out,
        const int64_t* strides, fl_placement* placement) noexcept nogil:
    return fl_letterbox(image, options, out, strides, placement)


cdef fl_status letterbox_batch(const fl_image* images, int64_t n,
        const fl_letterbox_options* options, int32_t workers, void* out, int64_t image_stride,
        const int64_t* strides, fl_placement* placements) noexcept nogil:
    return fl_letterbox_batch(images, n, options, workers, out, image_stride, strides, placements)


cdef fl_status recipe_read(const char* text, size_t length, fl_letterbox_options* options,
        size_t struct_size, fl_recipe_error* error) noexcept nogil:
    return fl_recipe_read(text, length, options, struct_size, error)


cdef fl_status tile_grid_init(fl_tile_grid* grid, size_t struct_size) noexcept nogil:
    return fl_tile_grid_init(grid, struct_size)


cdef fl_status tile_counts(const fl_tile_grid* grid, int64_t width, int64_t height,
        int64_t* columns, int64_t* rows) noexcept nogil:
    return fl_tile_counts(grid, width, height, columns, rows)


cdef fl_status tile_windows(const fl_tile_grid* grid, int64_t width, int64_t height, int64_t* out,
        int64_t capacity) noexcept nogil:
    return fl_tile_windows(grid, width, height, out, capacity)


cdef fl_status tile_count_boxes(const fl_tile_job* job, int64_t* tile_offsets,
        uint8_t* outcome) noexcept nogil:
    return fl_tile_count_boxes(job, tile_offsets, outcome)


cdef fl_status tile_clip_boxes(const fl_tile_job* job, const int64_t* tile_offsets, int64_t* row,
        double* corners, double* visible) noexcept nogil:
    return fl_tile_clip_boxes(job, tile_offsets, row, corners, visible)


cdef fl_status coco_options_init(fl_coco_options* options, size_t struct_size) noexcept nogil:
    return fl_coco_options_init(options, struct_size)


cdef fl_status coco_read(const char* path, const fl_coco_options* options,
        fl_coco** out) noexcept nogil:
    return fl_coco_read(path, options, out)


cdef fl_status coco_summarise(const fl_coco* coco, fl_coco_summary* summary) noexcept nogil:
    return fl_coco_summarise(coco, summary)


cdef fl_status coco_member(const fl_coco* coco, int64_t member, int32_t* section, int64_t* offset,
        int64_t* elements, const char** key, int64_t* key_bytes, const char** value,
        int64_t* value_bytes) noexcept nogil:
    return fl_coco_member(coco, member, section, offset, elements, key, key_bytes, value,
        value_bytes)


cdef fl_status coco_pieces(fl_coco* coco, const char* column, int64_t* pieces) noexcept nogil:
    return fl_coco_pieces(coco, column, pieces)


cdef fl_status coco_rows(fl_coco* coco, const char* column, int64_t piece,
        int64_t* rows) noexcept nogil:
    return fl_coco_rows(coco, column, piece, rows)


cdef fl_status coco_take(fl_coco* coco, const char* column, int64_t piece, int32_t part,
        void** data, int64_t* bytes) noexcept nogil:
    return fl_coco_take(coco, column, piece, part, data, bytes)


cdef void coco_free(void* data) noexcept nogil:
    fl_coco_free(data)


cdef void coco_destroy(fl_coco* coco) noexcept nogil:
    fl_coco_destroy(coco)


cdef const char* cut_mode_name(int32_t mode) noexcept nogil:
    return fl_cut_mode_name(mode)


cdef fl_status cut_options_init(fl_cut_options* options, size_t struct_size) noexcept nogil:
    return fl_cut_options_init(options, struct_size)


cdef fl_status cut_jpeg(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
        const fl_cut_options* options, fl_tile_taker taker, void* user, fl_cut_row* row,
        fl_cut_tile* tiles) noexcept nogil:
    return fl_cut_jpeg(data, size, windows, n, options, taker, user, row, tiles)


cdef fl_status cut_align(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
        const fl_cut_options* options, int64_t* out) noexcept nogil:
    return fl_cut_align(data, size, windows, n, options, out)


cdef fl_status read_window(const uint8_t* data, uint64_t size, const int64_t* window,
        int32_t color, const fl_cut_options* options, uint8_t* out, int64_t stride,
        fl_cut_row* row) noexcept nogil:
    return fl_read_window(data, size, window, color, options, out, stride, row)


cdef fl_status cutter_create(const fl_cut_options* options, fl_cutter** out) noexcept nogil:
    return fl_cutter_create(options, out)


cdef fl_status cutter_submit(fl_cutter* cutter, const fl_cut_job* jobs, int64_t n,
        const int64_t* windows, const char* const* outputs, int64_t* ticket) noexcept nogil:
    return fl_cutter_submit(cutter, jobs, n, windows, outputs, ticket)


cdef fl_status cutter_wait(fl_cutter* cutter, int64_t ticket, int32_t timeout_ms,
        int64_t* done) noexcept nogil:
    return fl_cutter_wait(cutter, ticket, timeout_ms, done)


cdef fl_status cutter_collect(fl_cutter* cutter, int64_t ticket, fl_cut_row* rows,
        fl_cut_tile* tiles) noexcept nogil:
    return fl_cutter_collect(cutter, ticket, rows, tiles)


cdef fl_status cutter_cancel(fl_cutter* cutter) noexcept nogil:
    return fl_cutter_cancel(cutter)


cdef void cutter_destroy(fl_cutter* cutter) noexcept nogil:
    fl_cutter_destroy(cutter)


cdef fl_status look_up(const fl_image* image, const uint8_t* tables, int32_t n_tables,
        uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_look_up(image, tables, n_tables, out, row_stride)


cdef fl_status filter_taps(const fl_image* image, const int32_t* dx, const int32_t* dy,
        const double* weights, int64_t taps, uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_filter_taps(image, dx, dy, weights, taps, out, row_stride)


cdef fl_status sensor_noise(const fl_image* image, double read, double shot, double colour,
        uint64_t seed, uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_sensor_noise(image, read, shot, colour, seed, out, row_stride)


cdef fl_status salt_and_pepper(const fl_image* image, double amount, double salt, uint64_t seed,
        uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_salt_and_pepper(image, amount, salt, seed, out, row_stride)


cdef fl_status veil(const fl_image* image, const fl_image* mask, const uint8_t* colour,
        uint8_t* out, int64_t row_stride) noexcept nogil:
    return fl_veil(image, mask, colour, out, row_stride)


cdef fl_status evaluate(const fl_evaluation_input* input, fl_evaluation* out) noexcept nogil:
    return fl_evaluate(input, out)


cdef fl_status stat_files(const char* folder, const char* names, const int64_t* offsets, int64_t n,
        int32_t workers, fl_file_stamp* out) noexcept nogil:
    return fl_stat_files(folder, names, offsets, n, workers, out)


cdef fl_status hash_slices(const uint8_t* data, const int64_t* offsets, int64_t n,
        uint8_t* out) noexcept nogil:
    return fl_hash_slices(data, offsets, n, out)


cdef fl_status hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
        int64_t max_pairs, fl_hash_pair_sink sink, void* context) noexcept nogil:
    return fl_hamming_pairs(hashes, n, distance, workers, max_pairs, sink, context)


cdef fl_status hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance,
        int32_t workers, int64_t* clusters) noexcept nogil:
    return fl_hamming_clusters(hashes, n, distance, workers, clusters)


cdef fl_status label_options_init(fl_label_options* options, size_t struct_size) noexcept nogil:
    return fl_label_options_init(options, struct_size)


cdef fl_status yolo_read(const fl_label_files* files, const fl_label_options* options,
        fl_label_columns** out) noexcept nogil:
    return fl_yolo_read(files, options, out)


cdef fl_status voc_read(const fl_label_files* files, const fl_label_options* options,
        fl_label_columns** out) noexcept nogil:
    return fl_voc_read(files, options, out)


cdef fl_status label_pieces(const fl_label_columns* columns, const char* column,
        int64_t* pieces) noexcept nogil:
    return fl_label_pieces(columns, column, pieces)


cdef fl_status label_rows(const fl_label_columns* columns, const char* column, int64_t piece,
        int64_t* rows) noexcept nogil:
    return fl_label_rows(columns, column, piece, rows)


cdef fl_status label_take(fl_label_columns* columns, const char* column, int64_t piece,
        int32_t part, void** data, int64_t* bytes) noexcept nogil:
    return fl_label_take(columns, column, piece, part, data, bytes)


cdef void label_free(void* data) noexcept nogil:
    fl_label_free(data)


cdef void label_destroy(fl_label_columns* columns) noexcept nogil:
    fl_label_destroy(columns)


cdef fl_status pairing_options_init(fl_pairing_options* options, size_t struct_size) noexcept nogil:
    return fl_pairing_options_init(options, struct_size)


cdef fl_status pair_predictions(const fl_pairing_input* input, const fl_pairing_options* options,
        const fl_pairing_result* result) noexcept nogil:
    return fl_pair_predictions(input, options, result)


cdef fl_status paste_options_init(fl_paste_options* options, size_t struct_size) noexcept nogil:
    return fl_paste_options_init(options, struct_size)


cdef fl_status paste_window(int64_t scene_width, int64_t scene_height, const double* box,
        const fl_paste_options* options, int64_t* window) noexcept nogil:
    return fl_paste_window(scene_width, scene_height, box, options, window)


cdef fl_status paste_object(const fl_image* scene, const fl_image* patch, const fl_image* alpha,
        const double* patch_box, const double* box, const fl_paste_options* options, uint8_t* mask,
        uint8_t* pixels, fl_paste_report* report) noexcept nogil:
    return fl_paste_object(scene, patch, alpha, patch_box, box, options, mask, pixels, report)


cdef const char* format_name(int32_t format) noexcept nogil:
    return fl_format_name(format)


cdef fl_status sniff(const uint8_t* data, uint64_t size, fl_header* header) noexcept nogil:
    return fl_sniff(data, size, header)


cdef fl_status sniff_files(const char* const* paths, int64_t n, int32_t workers,
        fl_header* headers) noexcept nogil:
    return fl_sniff_files(paths, n, workers, headers)


cdef const char* image_status_name(int32_t status) noexcept nogil:
    return fl_image_status_name(status)


cdef fl_status tar_index(const char* path, fl_tar_summary* summary, fl_tar** out) noexcept nogil:
    return fl_tar_index(path, summary, out)


cdef fl_status tar_copy(const fl_tar* tar, fl_tar_member* members, char* names) noexcept nogil:
    return fl_tar_copy(tar, members, names)


cdef void tar_destroy(fl_tar* tar) noexcept nogil:
    fl_tar_destroy(tar)


cdef fl_status scan_options_init(fl_scan_options* options, size_t struct_size) noexcept nogil:
    return fl_scan_options_init(options, struct_size)


cdef fl_status scanner_create(const fl_scan_options* options, fl_scanner** out) noexcept nogil:
    return fl_scanner_create(options, out)


cdef fl_status scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
        const double* boxes, const int64_t* offsets, int64_t* ticket) noexcept nogil:
    return fl_scanner_submit(scanner, images, n, boxes, offsets, ticket)


cdef fl_status scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
        int64_t* done) noexcept nogil:
    return fl_scanner_wait(scanner, ticket, timeout_ms, done)


cdef fl_status scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
        fl_box_row* box_rows) noexcept nogil:
    return fl_scanner_collect(scanner, ticket, rows, box_rows)


cdef fl_status scanner_cancel(fl_scanner* scanner) noexcept nogil:
    return fl_scanner_cancel(scanner)


cdef void scanner_destroy(fl_scanner* scanner) noexcept nogil:
    fl_scanner_destroy(scanner)


cdef const char* jpeg_codec() noexcept nogil:
    return fl_jpeg_codec()


cdef fl_status histogram_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
        const fl_column* weight, int64_t* counts, fl_fixed* sums, double* heaviest) noexcept nogil:
    return fl_histogram_fill(axes, n_axes, columns, weight, counts, sums, heaviest)


cdef fl_status moments_init(fl_moments* groups, int64_t n) noexcept nogil:
    return fl_moments_init(groups, n)


cdef fl_status moments_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
        const fl_column* value, fl_moments* groups) noexcept nogil:
    return fl_moments_fill(axes, n_axes, columns, value, groups)


cdef fl_status moments_merge(fl_moments* into, const fl_moments* from_, int64_t n) noexcept nogil:
    return fl_moments_merge(into, from_, n)


cdef fl_status sketch_create(int32_t bits, fl_sketch** out) noexcept nogil:
    return fl_sketch_create(bits, out)


cdef void sketch_destroy(fl_sketch* sketch) noexcept nogil:
    fl_sketch_destroy(sketch)


cdef fl_status sketch_fill(fl_sketch* sketch, const fl_axis* axes, int32_t n_axes,
        const fl_column* columns, const fl_column* value) noexcept nogil:
    return fl_sketch_fill(sketch, axes, n_axes, columns, value)


cdef fl_status sketch_add(fl_sketch* sketch, const fl_sketch_entry* entries,
        int64_t n) noexcept nogil:
    return fl_sketch_add(sketch, entries, n)


cdef fl_status sketch_entries(const fl_sketch* sketch, fl_sketch_entry* out, int64_t capacity,
        int64_t* count) noexcept nogil:
    return fl_sketch_entries(sketch, out, capacity, count)


cdef fl_status arrow_create(fl_arrow** out) noexcept nogil:
    return fl_arrow_create(out)


cdef void arrow_destroy(fl_arrow* reader) noexcept nogil:
    fl_arrow_destroy(reader)


cdef const char* arrow_message(const fl_arrow* reader) noexcept nogil:
    return fl_arrow_message(reader)


cdef const char* arrow_batch_message(const fl_arrow_batch* batch) noexcept nogil:
    return fl_arrow_batch_message(batch)


cdef fl_status arrow_open_stream(fl_arrow* reader, ArrowArrayStream* stream) noexcept nogil:
    return fl_arrow_open_stream(reader, stream)


cdef fl_status arrow_open_array(fl_arrow* reader, ArrowSchema* schema,
        ArrowArray* array) noexcept nogil:
    return fl_arrow_open_array(reader, schema, array)


cdef int64_t arrow_columns(const fl_arrow* reader) noexcept nogil:
    return fl_arrow_columns(reader)


cdef const char* arrow_column_name(const fl_arrow* reader, int64_t column) noexcept nogil:
    return fl_arrow_column_name(reader, column)


cdef const char* arrow_column_format(const fl_arrow* reader, int64_t column) noexcept nogil:
    return fl_arrow_column_format(reader, column)


cdef fl_status arrow_next(fl_arrow* reader, fl_arrow_batch** out) noexcept nogil:
    return fl_arrow_next(reader, out)


cdef void arrow_batch_destroy(fl_arrow_batch* batch) noexcept nogil:
    fl_arrow_batch_destroy(batch)


cdef int64_t arrow_batch_rows(const fl_arrow_batch* batch) noexcept nogil:
    return fl_arrow_batch_rows(batch)


cdef fl_status arrow_batch_column(fl_arrow_batch* batch, int64_t column, fl_arrow_view* nodes,
        int64_t capacity, int64_t* count) noexcept nogil:
    return fl_arrow_batch_column(batch, column, nodes, capacity, count)


cdef fl_status arrow_text(const fl_arrow_view* text, int64_t row, const char** data,
        int64_t* size) noexcept nogil:
    return fl_arrow_text(text, row, data, size)


cdef fl_status arrow_text_codes(const fl_arrow_view* text, const char* const* names,
        int64_t n_names, int32_t* codes) noexcept nogil:
    return fl_arrow_text_codes(text, names, n_names, codes)


cdef fl_status warp_affine(const fl_image* image, const double* m, int32_t edge, uint8_t fill,
        uint8_t* out, int64_t width, int64_t height, int64_t row_stride) noexcept nogil:
    return fl_warp_affine(image, m, edge, fill, out, width, height, row_stride)
