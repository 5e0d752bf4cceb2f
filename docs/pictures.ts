/**
 * Draws the pictures of the documentation anew: `npm run pictures`. For those of the terminal the built program is run in a
 * real one, so tmux has to be there.
 */
import { writeFile } from 'node:fs/promises';
import { recordTerminal } from '../test/docs/recording.js';
import { hasTmux } from '../test/e2e/pane.js';
import { drawJourney } from './pictures/journey.js';
import { drawStates } from './pictures/states.js';
import { drawTerminal } from './pictures/terminal.js';

const write = (name: string, svg: string) => writeFile(new URL(`pictures/${name}.svg`, import.meta.url), svg);
await write('journey', drawJourney());
await write('states', drawStates());
if (hasTmux()) {
  const screens = await recordTerminal();
  await write('terminal-light', drawTerminal(screens, 'light'));
  await write('terminal-dark', drawTerminal(screens, 'dark'));
} else {
  console.error('The pictures of the terminal were not made: tmux is not installed.');
  process.exitCode = 1;
}
