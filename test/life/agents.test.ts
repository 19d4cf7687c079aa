import { afterAll, beforeAll } from 'vitest'
import { liveWithAgents } from './agents/life.ts'
import { agentsStep } from './agents/steps.ts'
import { makeTemplateWithAgents, type Template } from './agents/template.ts'
import { testLives } from './lives.ts'

let template: Template
beforeAll(async () => {
  template = await makeTemplateWithAgents()
})
afterAll(() => template?.end())

testLives('every sequence with real agents goes as DESIGN, section 5, says, and loses no key', {
  step: agentsStep,
  most: { fast: 12, slow: 24 },
  live: (steps, story) => liveWithAgents(template, steps, story),
})
