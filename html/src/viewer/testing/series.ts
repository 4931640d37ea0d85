import type { FrameFacts, SeriesDetail } from '../model/series';

export function frameFacts(instanceId: number, patch: Partial<FrameFacts> = {}): FrameFacts {
  return {
    instance_id: instanceId,
    frame_number: 1,
    sop_instance_uid: `1.2.${instanceId}`,
    instance_number: instanceId,
    rows: 512,
    columns: 512,
    pixel_aspect: 1,
    pixel_scale: { x: 0.7, y: 0.7, unit: 'mm', source: 'patient' },
    image_position_patient: [0, 0, instanceId],
    image_orientation_patient: [1, 0, 0, 0, 1, 0],
    patient_orientation: null,
    slice_position_mm: instanceId - 106,
    slice_thickness: 1,
    windows: [{ center: 50, width: 350, explanation: '' }],
    voi_lut_explanations: [],
    voi_lut_function: 'LINEAR',
    photometric_interpretation: 'MONOCHROME2',
    rescale_type: 'HU',
    lossy: false,
    frame_time_ms: null,
    is_video: false,
    has_overlays: false,
    has_shutter: false,
    refusal: '',
    series_window: null,
    ...patch,
  };
}

/** A CT series of so many images; their instances count from 100. */
export function seriesDetail(count: number, seriesId = 7): SeriesDetail {
  return {
    series_id: seriesId,
    study_id: 1,
    series_instance_uid: '1.2',
    modality: 'CT',
    series_number: 2,
    series_description: 'Mediastinum 1.0 mm',
    body_part_examined: 'CHEST',
    instance_count: count,
    image_count: count,
    has_images: count > 0,
    frames: Array.from({ length: count }, (_, index) => frameFacts(100 + index, { series_window: count < 2 ? null : 0 })),
    series_windows:
      count < 2
        ? []
        : [{ representative: Math.floor(count / 2), windows: [{ center: 50, width: 350, explanation: '' }], voi_lut_explanations: [], voi_lut_function: 'LINEAR' }],
  };
}
