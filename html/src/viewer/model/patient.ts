/** The patient, dates and ages as a doctor reads them. */

export interface Patient {
  patient_name: string;
  patient_id: string;
  patient_sex: string;
  patient_birth_date: string | null;
}

/** Whole years on a day; null where a date is missing or makes no sense. Dates are `YYYY-MM-DD`. */
export function ageAt(birthDate: string | null, day: string | null): number | null {
  const birth = parts(birthDate);
  const then = parts(day);
  if (birth === null || then === null) return null;
  const hadBirthday = then.month > birth.month || (then.month === birth.month && then.day >= birth.day);
  const years = then.year - birth.year - (hadBirthday ? 0 : 1);
  return years >= 0 && years < 150 ? years : null;
}

function parts(date: string | null): { year: number; month: number; day: number } | null {
  const match = /^(\d{4})-(\d{2})-(\d{2})/.exec(date ?? '');
  return match === null ? null : { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) };
}

/** "2026-11-23 16:42" */
export function dateAndTime(date: string | null, time: string | null): string {
  return [date ?? '', (time ?? '').slice(0, 5)].filter((part) => part !== '').join(' ');
}
