export function StudiesPage({ onOpen }: { onOpen: (studyId: number, seriesId: number | null, title: string) => void }) {
  return <button onClick={() => onOpen(1, null, 'x')}>open</button>;
}
