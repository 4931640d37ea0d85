/** Names as DICOM writes them (`Family^Given^Middle^Prefix^Suffix`, groups parted by `=`), as people read them. */

interface PersonParts {
  family: string;
  given: string;
  middle: string;
}

function parts(group: string): PersonParts {
  const [family = '', given = '', middle = ''] = group.split('^').map((part) => part.trim());
  return { family, given, middle };
}

function oneGroup(group: string): string {
  const { family, given, middle } = parts(group);
  const rest = [given, middle].filter((part) => part !== '').join(' ');
  return [family, rest].filter((part) => part !== '').join(', ');
}

/** "Family, Given Middle"; an ideographic group follows in brackets. Empty for an anonymous patient. */
export function personName(value: string): string {
  const [alphabetic = '', ideographic = ''] = value.split('=');
  const first = oneGroup(alphabetic);
  const second = ideographic.replace(/\^+/g, ' ').trim();
  if (first === '') return second;
  return second === '' || second === first ? first : `${first} (${second})`;
}
