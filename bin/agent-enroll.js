#!/usr/bin/env node
import module from 'node:module';

// Absent before Node 22.1; there the program starts without it.
module.enableCompileCache?.();
const { main } = await import('../dist/cli/main.js');
await main();
