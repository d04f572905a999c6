import { environmentUses, outsideUses } from '../../src/project/outside.js';
import { parsePython } from '../../src/project/python-source.js';

const uses = (text: string): string[] =>
  outsideUses(parsePython('scene.py', text)).map(({ what, line }) => `${line}: ${what}`);
const environment = (text: string): readonly string[] | 'all' => environmentUses(parsePython('scene.py', text));

describe('what a source asks for beside files', () => {
  it.each([
    ['x = datetime.datetime.now()', ['1: the clock (datetime.datetime.now)']],
    ['\nx = date.today()', ['2: the clock (date.today)']],
    ['import time\nx = time.time()', ['2: the clock (time.time)']],
    ['x = uuid.uuid4().hex', ['1: chance (uuid.uuid4)']],
    ['x = os.urandom(4)', ['1: chance (os.urandom)']],
    ['from time import time\nx = time()', ['2: the clock (time.time)']],
    ['from time import time as t\nx = t()', ['2: the clock (time.time)']],
    ['from time import perf_counter as pc\nx = pc()', ['2: the clock (time.perf_counter)']],
    ['from uuid import uuid4 as u\nx = u()', ['2: chance (uuid.uuid4)']],
    ['from mine import time\nx = time()', []],
    ['self.time()', []],
    ['"datetime.now()"  # time.time()', []],
    ['now = 3\nself.play(now)', []],
  ])('%j', (text, expected) => expect(uses(text)).toEqual(expected));
});

describe('the variables of the environment that a source asks for', () => {
  it.each([
    ['import os', []],
    ['os.environ["THEME"]', ['THEME']],
    ["os.environ.get('THEME', 'dark')", ['THEME']],
    ['os.getenv("B") or os.getenv("A")', ['A', 'B']],
    ['from os import environ\nenviron["THEME"]', ['THEME']],
    ['from os import environ as e\ne["THEME"]', 'all'],
    ['from os import getenv as g\ng("THEME")', 'all'],
    ['x = os.environ\n["THEME"]', 'all'],
    ['os.environ["A", "B"]', 'all'],
    ['os.environb[b"A"]', 'all'],
    ['os.environ[name]', 'all'],
    ['dict(os.environ)', 'all'],
    ['os.environ.get(f"{x}")', 'all'],
  ])('%j', (text, expected) => expect(environment(text)).toEqual(expected));
});
