import { sceneWith, TOP } from './support.js';

/**
 * Scenes in odd styles, all of which Manim renders. A slow test runs each of them, so that this list says the truth; no
 * check may find an error in them, nor warn where `warns` is not given.
 */
export const LEGAL: readonly { readonly style: string; readonly source: string; readonly warns?: RegExp }[] = [
  {
    style: 'as the scaffold writes it',
    source: sceneWith('with self.voiceover(text=SCRIPT["one"]) as t:\n    self.wait(t.duration)'),
  },
  {
    style: 'a helper of its own by an old name',
    source: sceneWith('self.play(ShowCreation(Circle()))', TOP, '\n\nShowCreation = Create\n'),
  },
  {
    style: 'an old name as a function',
    source: sceneWith('self.play(FadeInFrom(Square(), UP))', `${TOP}def FadeInFrom(m, d): return FadeIn(m, shift=d)\n`),
  },
  {
    style: 'an old name in a comment and a text',
    source: sceneWith('# ShowCreation was its name\nself.add(Text("ShowCreation"))\nself.wait(0.1)'),
  },
  {
    style: 'an old name as an attribute',
    source: sceneWith('self.GraphScene = 1\nself.add(Dot())\nself.wait(0.1 * self.GraphScene)'),
  },
  {
    style: 'an old name as a parameter',
    source: sceneWith('(lambda Color: self.add(Dot(color=Color)))(RED)\nself.wait(0.1)'),
  },
  {
    style: 'imports that may fail',
    source: sceneWith(
      'self.wait(0.1)',
      `try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None\n${TOP}`,
    ),
  },
  {
    style: 'imports for type checkers',
    source: sceneWith(
      'self.wait(0.1)',
      `from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from no_such_module import Thing\n${TOP}`,
    ),
  },
  {
    style: 'a guarded import inside a function',
    source: sceneWith('try:\n    import nope\nexcept Exception:\n    pass\nself.wait(0.1)'),
  },
  {
    style: 'dotted imports',
    source: sceneWith(
      'self.wait(0.1)',
      `import os.path, manim.utils.color as mc\nfrom manim.mobject.geometry.arc import Circle as C\n${TOP}`,
    ),
  },
  {
    style: 'a module beside the scene',
    source: sceneWith('self.add(side.shape())\nself.wait(0.1)', `import side\n${TOP}`),
  },
  {
    style: 'a package without __init__.py',
    source: sceneWith('self.add(parts.more.dot())\nself.wait(0.1)', `import parts.more\n${TOP}`),
  },
  {
    style: 'a service set by its base class',
    source: `${TOP}from base import Speaking\n\n\nclass A(Speaking):\n    def construct(self):\n        with self.voiceover(text=SCRIPT["one"]):\n            self.wait(0.1)\n`,
  },
  {
    style: 'a service set in setup',
    source: `${TOP}class A(VoiceoverScene):\n    def setup(self):\n        self.set_speech_service(get_speech_service(Path(__file__).parent))\n    def construct(self):\n        with self.voiceover(SCRIPT["two"]):\n            self.wait(0.1)\n`,
  },
  {
    style: 'a speaking class that says nothing',
    source: `${TOP}class A(VoiceoverScene):\n    def construct(self):\n        self.wait(0.1)\n`,
  },
  {
    style: 'a plain scene',
    source: 'import manim as mn\n\n\nclass A(mn.Scene):\n    def construct(self): self.wait(0.1)\n',
  },
  {
    style: 'no star import',
    source:
      'from manim import Scene as Sc, Create, Circle\nclass A(Sc):\n    def construct(self):\n        self.play(Create(Circle()), run_time=0.1)\n',
  },
  {
    style: 'another service that speaks what it is given',
    source: sceneWith(
      'with self.voiceover(text="Words of its own."):\n    self.wait(0.1)',
      TOP.replace('flaming_horse_voice', 'own_service'),
    ),
  },
  {
    style: 'a line in a variable',
    source: sceneWith('text = SCRIPT["one"]\nwith self.voiceover(text=text):\n    self.wait(0.1)'),
  },
  {
    style: 'a line in an f-string',
    source: sceneWith(
      'with self.voiceover(text=f"{SCRIPT["one"]}"):\n    self.wait(0.1)'.replace('SCRIPT["one"]', "SCRIPT['one']"),
    ),
  },
  {
    style: "a line's own words",
    source: sceneWith('with self.voiceover(text="The   first\\n line."):\n    self.wait(0.1)'),
  },
  {
    style: 'lines in a loop',
    source: sceneWith('for key in ("one", "two"):\n    with self.voiceover(text=SCRIPT[key]):\n        self.wait(0.1)'),
  },
  {
    style: 'a line that may be missing',
    source: sceneWith('self.add(Dot())\nif "three" in SCRIPT:\n    print(SCRIPT.get("three"))\nself.wait(0.1)'),
  },
  {
    style: 'grouped parts of a formula',
    source: sceneWith('self.add(MathTex(r"{{A_B}} + {{ FOO_BAR }}"))\nself.wait(0.1)'),
  },
  {
    style: 'a formula whose braces Manim closes',
    source: sceneWith(
      'self.add(MathTex("x^{2"), MathTex(r"\\\\{", "a", r"\\\\}"), Tex(r"5\\\\$"))\nself.wait(0.1)'
        .replaceAll('\\\\\\\\', '\\\\')
        .replaceAll('\\\\', '\\'),
    ),
  },
  {
    style: 'a formula in parts',
    source: sceneWith('self.add(MathTex(r"\\begin{pmatrix}", "1 & 2", r"\\end{pmatrix}"))\nself.wait(0.1)'),
  },
  {
    style: 'mathematics in a text',
    source: sceneWith('self.add(Tex("$a$ and $b$"), MathTex(r"a \\text{ if $b$}"))\nself.wait(0.1)'),
  },
  {
    style: 'a formula of a template of its own',
    source: sceneWith(
      't = TexTemplate()\nt.add_to_preamble(r"\\newenvironment{odd}{}{}")\nself.add(Tex(r"\\begin{odd}a\\end{odd}", tex_template=t))\nself.wait(0.1)',
    ),
  },
  {
    style: 'a format with double braces',
    source: sceneWith('self.add(Text("{{SOME_NAME}}".format()))\nself.wait(0.1)'),
  },
  { style: 'HTML that is meant', source: sceneWith('self.add(MarkupText("a &lt; b"))\nx = "&lt;"\nself.wait(0.1)') },
  {
    style: 'an asset by its path',
    source: sceneWith('self.add(SVGMobject(str(Path(__file__).parent / "assets" / "a.svg")))\nself.wait(0.1)'),
  },
  { style: 'an asset without its ending', source: sceneWith('self.add(SVGMobject("assets/a"))\nself.wait(0.1)') },
  {
    style: 'an asset that may be missing',
    source: sceneWith(
      'p = Path("nope.png")\nself.add(ImageMobject("nope.png") if p.exists() else Dot())\nself.wait(0.1)',
    ),
    warns: /no file nope\.png/,
  },
  {
    style: 'a size in pixels that is computed',
    source: sceneWith(
      'self.wait(0.1)',
      `${TOP}config.pixel_height = 2 * 120\nconfig["pixel_width"] = 320\nconfig.frame_rate = 12.5\n`,
    ),
  },
  {
    style: 'a class made in an if',
    source: `${TOP}if config.pixel_width > 0:\n    class A(Scene):\n        def construct(self): self.wait(0.1)\n`,
  },
  {
    style: 'helper classes before the scene',
    source: `from dataclasses import dataclass\n${TOP}@dataclass\nclass Beat:\n    t: float = 0.1\n\n\nclass Star(VGroup): pass\n\n\nclass A(Scene):\n    def construct(self): self.wait(Beat().t)\n`,
  },
  {
    style: 'a form feed and Windows line ends',
    source: `\f${TOP}class A(Scene):\n    def construct(self): self.wait(0.1)\n`.replaceAll('\n', '\r\n'),
  },
  {
    style: 'a walrus, a match and a lambda',
    source: sceneWith('match (n := 1):\n    case 1: self.add((lambda: Dot())())\n    case _: pass\nself.wait(0.1 * n)'),
  },
  {
    style: 'decorated methods',
    source: `import functools\n${TOP}class A(Scene):\n    @functools.cache\n    def dots(self): return Dot()\n    def construct(self):\n        self.add(self.dots())\n        self.wait(0.1)\n`,
  },
];

/** Files that these scenes use. */
export const LEGAL_FILES: Readonly<Record<string, string>> = {
  'own_service.py':
    'from flaming_horse_voice import CachedVoice\nfrom manim_voiceover_plus.services.base import SpeechService\n\n\nclass Loud(SpeechService):\n    def generate_from_text(self, text, **kw): raise AssertionError\n\n\ndef get_speech_service(folder): return Loud()\n',
  'side.py': 'from manim import Dot\n\ndef shape(): return Dot()\n',
  'parts/more.py': 'from manim import Dot\n\ndef dot(): return Dot()\n',
  'base.py':
    'from pathlib import Path\nfrom manim_voiceover_plus import VoiceoverScene\nfrom flaming_horse_voice import get_speech_service\n\n\nclass Speaking(VoiceoverScene):\n    def setup(self):\n        self.set_speech_service(get_speech_service(Path(__file__).parent))\n',
  'assets/a.svg': '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>\n',
};
