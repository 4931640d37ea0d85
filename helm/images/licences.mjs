// Print the licence texts of all libraries that the pages may carry: what package-lock.json holds for others than developers.
// One without a text ends the build. Run in html/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
for (const [folder, locked] of Object.entries(lock.packages)) {
  if (folder === '' || locked.dev || !existsSync(folder)) continue; // an optional one of another system
  const facts = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const text = files.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim());
  if (text.length === 0 && !facts.license) throw new Error(`${folder} says nothing of its licence.`);
  console.log(`${'='.repeat(80)}\n${facts.name} ${facts.version}: ${facts.license ?? 'see below'}\n`);
  console.log(text.length > 0 ? text.join('\n\n') : `(its package has no text; ${JSON.stringify(facts.author ?? '')})`);
}
