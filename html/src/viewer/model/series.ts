/** The series as the page knows it (`GET /v2/studies/{study}/series/{series}`) and finding one's way in it. */

import type { Series } from '../../shared/api/types';
import type { ImageReference, Sentence, VolumeChoice } from '../../shared/protocol/messages';
import type { ImageSize } from './geometry';
import type { Patient } from './patient';
import type { PixelScale } from './scaleBar';
import { type EdgeLetters, edgeLetters, edgeLettersOfProjection } from './orientation';

export interface VoiWindow {
  center: number;
  width: number;
  explanation: string;
}

/** A recommendation that images of one kind share; without windows and tables the render node takes it from values. */
export interface SharedWindow {
  /** Place of the image that recommends, from 0. */
  representative: number;
  windows: VoiWindow[];
  voi_lut_explanations: string[];
  voi_lut_function: string;
}

export interface FrameFacts {
  instance_id: number;
  frame_number: number;
  sop_instance_uid: string;
  instance_number: number | null;
  rows: number;
  columns: number;
  pixel_aspect: number;
  /** Null from a server that does not say it. */
  pixel_scale?: PixelScale | null;
  image_position_patient: [number, number, number] | null;
  image_orientation_patient: number[] | null;
  patient_orientation: [string, string] | null;
  slice_position_mm: number | null;
  slice_thickness: number | null;
  /** In the order of the shared ones. */
  windows: VoiWindow[];
  /** Number of the recommendation in `series_windows` that it shares; null where it has only its own. */
  series_window?: number | null;
  voi_lut_explanations: string[];
  voi_lut_function: string;
  photometric_interpretation: string;
  rescale_type: string;
  lossy: boolean;
  /** Of each lossy compression that the image went through, the earliest first. */
  lossy_ratios?: number[];
  frame_time_ms: number | null;
  is_video: boolean;
  /** Of a video, which has one place in the series; 0 or missing where it is none. */
  video_frames?: number;
  has_overlays: boolean;
  has_shutter: boolean;
  refusal: string;
  /** Places in the notices of the series; missing from a server that does not say it. */
  notices?: readonly number[];
  /** Place in the patients of the series; null or missing where only the study's is known. */
  patient?: number | null;
}

export interface SeriesDetail extends Series {
  frames: FrameFacts[];
  series_windows?: SharedWindow[];
  /** The volumes that the series makes. */
  volumes?: VolumeChoice[];
  /** Why it makes none. */
  volume_refusal?: Sentence | null;
  /** What was assumed of images. */
  notices?: readonly Sentence[];
  /** The patient as the objects of the study state it. */
  patients?: readonly Patient[];
}

const places = new WeakMap<SeriesDetail, Map<string, number>>();

const keyOf = (reference: ImageReference): string => `${reference.instance_id}/${reference.frame_number}`;

/** Place of an image in the display order, -1 if it is not of this series. */
export function indexOfImage(detail: SeriesDetail, image: ImageReference | null): number {
  if (image === null) return detail.frames.length > 0 ? 0 : -1;
  let map = places.get(detail);
  if (map === undefined) {
    map = new Map(detail.frames.map((frame, index) => [keyOf(frame), index]));
    places.set(detail, map);
  }
  return map.get(keyOf(image)) ?? -1;
}

export function imageAt(detail: SeriesDetail, index: number): ImageReference | null {
  const frame = detail.frames[Math.max(0, Math.min(index, detail.frames.length - 1))];
  return frame === undefined ? null : { instance_id: frame.instance_id, frame_number: frame.frame_number };
}

export function frameAt(detail: SeriesDetail | null, image: ImageReference | null): FrameFacts | null {
  return detail === null ? null : (detail.frames[indexOfImage(detail, image)] ?? null);
}

/** What was assumed of an image. */
export function noticesOf(detail: SeriesDetail | null, image: ImageReference | null): readonly Sentence[] {
  const notices = frameAt(detail, image)?.notices ?? [];
  return notices.flatMap((place) => detail?.notices?.[place] ?? []);
}

/** The patient of an image as its object states it, or the study's where that is not known. */
export function patientOf<T extends Patient>(study: T, detail: SeriesDetail | null, frame: FrameFacts | null): T {
  const stated = detail?.patients?.[frame?.patient ?? -1];
  if (stated === undefined) return study;
  const { patient_name, patient_id, patient_sex, patient_birth_date } = stated;
  const same = study.patient_name === patient_name && study.patient_id === patient_id && study.patient_sex === patient_sex && study.patient_birth_date === patient_birth_date;
  return same ? study : { ...study, patient_name, patient_id, patient_sex, patient_birth_date };
}

export function sameImage(one: ImageReference | null, other: ImageReference | null): boolean {
  return one?.instance_id === other?.instance_id && one?.frame_number === other?.frame_number;
}

export function sizeOf(frame: FrameFacts): ImageSize {
  return { columns: frame.columns, rows: frame.rows, pixelAspect: frame.pixel_aspect > 0 ? frame.pixel_aspect : 1 };
}

/** Letters of the edges, from the image's place in the patient or, where it has none, from what it says of itself. */
export function lettersOf(frame: FrameFacts, look: { rotationDeg: number; flipHorizontal: boolean }): EdgeLetters | null {
  return frame.image_orientation_patient === null
    ? edgeLettersOfProjection(frame.patient_orientation, look)
    : edgeLetters(frame.image_orientation_patient, look);
}

export function isColour(frame: FrameFacts): boolean {
  return !frame.photometric_interpretation.startsWith('MONOCHROME');
}

const CROSS_SECTIONS: ReadonlySet<string> = new Set(['CT', 'MR', 'PT', 'NM']);
/** Their pixels say something about other images, as the server's `MODALITIES_BESIDE_IMAGES`. */
const BESIDE_IMAGES: ReadonlySet<string> = new Set(['SEG', 'RTDOSE', 'REG']);
/** Fewer images are a scout more often than a volume. */
const FEW = 4;

/** The series to open as a volume when none is named: the first that looks like a stack of slices, else the largest. */
export function firstVolumeSeries(series: readonly Series[]): Series | null {
  const all = series.filter((one) => one.has_images);
  const read = all.filter((one) => !BESIDE_IMAGES.has(one.modality));
  const withImages = read.length > 0 ? read : all;
  const stack = withImages.find((one) => CROSS_SECTIONS.has(one.modality) && one.image_count >= FEW);
  return stack ?? withImages.reduce<Series | null>((most, one) => (most === null || one.image_count > most.image_count ? one : most), null);
}

/** The series to open when none is named: the first with images. */
export function firstSeries(series: readonly Series[]): Series | null {
  return series.find((one) => one.has_images) ?? series[0] ?? null;
}

/** Whether a series that makes volumes makes none of this number. */
export function lacksVolume(detail: SeriesDetail | null, number: number): boolean {
  const volumes = detail?.volumes ?? [];
  return volumes.length > 0 && !volumes.some((one) => one.number === number);
}
