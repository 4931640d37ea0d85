export { spareStream } from './control/viewer';
export { prefetchStudy } from './ui/prefetch';
export { ViewerTab } from './ViewerTab';
export { forgetWork } from './workspace/control/browserStorage';
