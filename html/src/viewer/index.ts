export { ViewerTab } from './ViewerTab';
