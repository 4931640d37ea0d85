/** What a new series may be called: one line of 64 characters, as DICOM has it (LO); what was pasted may have more. */

const MAX_LENGTH = 64;
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu;

export function seriesName(text: string): string {
  return [...text.replace(NO_TEXT, ' ').trim()].slice(0, MAX_LENGTH).join('').trim();
}
