import { start } from './start';
import { UserApp } from './UserApp';

void start(<UserApp />);
