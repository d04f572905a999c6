#!/usr/bin/env node
import { cache } from './bundle/index.js';

await cache();
