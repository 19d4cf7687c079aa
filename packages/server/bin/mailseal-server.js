#!/usr/bin/env node
import { launch } from '@mailseal/common/launch'

await launch(new URL('../src/main.ts', import.meta.url))
