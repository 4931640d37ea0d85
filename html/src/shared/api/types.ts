/** Records of the HTTP contract, as the server sends them (ARCHITECTURE.md, "HTTP for browsers"). */

export interface Study {
  study_id: number;
  study_instance_uid: string;
  patient_name: string;
  patient_id: string;
  patient_sex: string;
  patient_birth_date: string | null;
  modalities: string[];
  body_parts: string[];
  study_date: string | null;
  study_time: string | null;
  accession_number: string;
  study_description: string;
  referring_physician_name: string;
  institution_name: string;
  series_count: number;
  instance_count: number;
  image_count: number;
  size_bytes: number;
  received_at: string;
  first_series_id: number | null;
  /** Rows of other patients under the same Study Instance UID; missing from a server that does not say it. */
  other_patient_studies?: readonly number[];
}

/** The objects of one SOP class in a series. */
export interface SeriesContent {
  /** Empty where the object states none. */
  sop_class_uid: string;
  instance_count: number;
  /** Of those that describe an image: their Pixel Data is missing or too short. */
  without_pixels_count: number;
}

export interface Series {
  series_id: number;
  study_id: number;
  series_instance_uid: string;
  modality: string;
  series_number: number | null;
  series_description: string;
  body_part_examined: string;
  instance_count: number;
  image_count: number;
  has_images: boolean;
  /** Only in the list of a study's series. */
  contents?: SeriesContent[];
}

export interface StudyWithSeries extends Study {
  series: Series[];
}

export interface StudyPage {
  studies: Study[];
  total: number;
}

export interface User {
  user_id: number;
  user_name: string;
  is_administrator: boolean;
}

export interface SessionAnswer {
  user: User;
  csrf_token: string;
  expires_at: string;
}

export interface SkippedFile {
  name: string;
  reason: string;
  message: string;
}

/** Length and CRC-32 of the last bytes that the server has got. */
export interface UploadTail {
  length: number;
  crc32: number;
}

/** An upload of this user that was begun and that bytes are missing of. */
export interface UnfinishedUpload {
  upload_id: string;
  name: string;
  size_bytes: number;
  offset: number;
  idle_s: number;
  expires_in_s: number;
}

export interface UploadState {
  offset: number;
  state: 'receiving' | 'processing' | 'done';
  stored: number;
  duplicates: number;
  skipped: SkippedFile[];
  done_files: number;
  total_files: number;
  tail?: UploadTail;
}

/** Whether another patient's row has the same Study Instance UID. */
export function sharesItsUid(study: Pick<Study, 'other_patient_studies'>): boolean {
  return (study.other_patient_studies ?? []).length > 0;
}
