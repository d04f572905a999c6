"""What is said in "A square wave from circles": one text for each narration key."""

SCRIPT = {
    # scene_01_circle
    "one_circle": """Watch a point travel around a circle. Follow nothing but its height, and
        roll that height out over time. What it draws is a pure wave: a sine.""",
    # scene_02_three_waves speaks two lines
    "ingredients": (
        "Now take three circles. The second turns three times as fast, at a third of the size. "
        "The third turns five times as fast, at a fifth."
    ),
    "addition": (
        "Add their heights, moment by moment. The hills grow flat, the sides grow steep, "
        "and out of round things comes something with corners."
    ),
    # scene_03_recipe
    "recipe": """Joseph Fourier wrote down the whole recipe. Only odd speeds, each wave as small
        as it is fast. With every new term, the curve settles closer to a square.""",
    # scene_04_wheels
    "wheels": """Put each circle on the rim of the one before, and the sum draws itself. Twelve
        wheels, turning steadily, and the pen shoots up, rests, and drops again.""",
    # scene_05_horns
    "horns": """One flaw never leaves. At each jump the curve overshoots, by nine percent of the
        step, and more waves only make the horns thinner. Thin enough, in the end, to ignore.
        And so music, pictures and radio can all be written as sums of waves.""",
}
