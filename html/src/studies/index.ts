import './texts';

export { studyTitle } from './model/title';
export { StudiesPage } from './StudiesPage';
export { DropFrame } from './upload/DropFrame';
export { UploadPanel } from './upload/UploadPanel';
export { useUploadGuard } from './upload/useUploads';
export { uploader } from './upload/uploader';
