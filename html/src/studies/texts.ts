import { registerNamespace } from '../shared/i18n';
import en from './i18n/en.json';
import pt from './i18n/pt.json';

registerNamespace('studies', { en, pt });
