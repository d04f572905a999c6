#!/usr/bin/env node
import { plan } from './bundle/index.js';

await plan();
