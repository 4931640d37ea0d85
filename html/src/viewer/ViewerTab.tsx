export interface ViewerTabProps {
  studyId: number;
  seriesId: number | null;
  mode: 'image';
  active: boolean;
  onTitle: (title: string) => void;
  onBack: () => void;
}

/** Stands in until the viewer is there. */
export function ViewerTab(_props: ViewerTabProps) {
  return null;
}
