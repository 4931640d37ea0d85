import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { cubeFaces, type CubeFace, standardFrame } from '../model/orientations';
import { useDrawnCamera, useVolume } from './context';
import classes from './Panels.module.css';

/** So that a cube on its corner fits too. */
const VIEW = 1.78;
/** Strokes of the letters on a face from -1 to 1: text is laid out anew each time that it is turned. */
const STROKES: Readonly<Record<CubeFace['letter'], string>> = {
  A: 'M-.29 .38 L0 -.38 L.29 .38 M-.19 .13 H.19',
  P: 'M-.22 .38 V-.33 H.06 A.2 .2 0 0 1 .06 .07 H-.22',
  L: 'M-.2 -.38 V.33 H.26',
  R: 'M-.24 .38 V-.33 H.04 A.2 .2 0 0 1 .04 .07 H-.24 M.04 .07 L.26 .38',
  H: 'M-.25 -.38 V.38 M.25 -.38 V.38 M-.25 0 H.25',
  F: 'M-.2 .38 V-.33 H.26 M-.2 0 H.18',
};

/** The orientation cube: it turns with the model, and a click on a face turns that to the viewer. */
export function Cube() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const camera = useDrawnCamera();
  const letters = useSelected(scene.cell.store, ({ opened }) => opened?.letters !== false);
  if (camera === null || !letters) return null;
  return (
    <svg className={classes.cube} data-chrome="" viewBox={`${-VIEW} ${-VIEW} ${2 * VIEW} ${2 * VIEW}`} role="group" aria-label={t('volume3d.cube')}>
      {cubeFaces(camera).map((face) => {
        const turn = (at: number): void => scene.orient(standardFrame(face.letter), at);
        return (
          <g
            key={face.letter}
            role="button"
            tabIndex={0}
            data-face={face.letter}
            aria-label={t(`volume3d.orientation.${face.letter}`)}
            className={classes.face}
            onClick={(event) => turn(event.timeStamp)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' && event.key !== ' ') return;
              event.preventDefault();
              turn(event.timeStamp);
            }}
          >
            <polygon points={face.corners.map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(' ')} style={{ fill: shade(face.facing) }} />
            <path d={STROKES[face.letter]} transform={onFace(face)} />
          </g>
        );
      })}
    </svg>
  );
}

/** Darker the more a face turns away. */
function shade(facing: number): string {
  const light = 0.34 + 0.66 * facing;
  return `rgb(${[196, 209, 219].map((part) => Math.round(part * light)).join(' ')})`;
}

/** The matrix from the face's own square, from -1 to 1, to the picture. */
function onFace({ corners }: CubeFace): string {
  const [upperLeft = [0, 0], upperRight = [0, 0], lowerRight = [0, 0], lowerLeft = [0, 0]] = corners;
  const x = [(upperRight[0] - upperLeft[0]) / 2, (upperRight[1] - upperLeft[1]) / 2];
  const y = [(lowerLeft[0] - upperLeft[0]) / 2, (lowerLeft[1] - upperLeft[1]) / 2];
  const middle = [(upperLeft[0] + lowerRight[0]) / 2, (upperLeft[1] + lowerRight[1]) / 2];
  return `matrix(${[...x, ...y, ...middle].map((part) => part.toFixed(4)).join(' ')})`;
}
