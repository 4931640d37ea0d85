import { AdminApp } from './AdminApp';
import { start } from './start';

void start(<AdminApp />);
