export { spareStream } from './control/viewer';
export { prefetchStudy } from './ui/prefetch';
export { ViewerTab } from './ViewerTab';
