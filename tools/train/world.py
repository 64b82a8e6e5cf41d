"""Small worlds told as short English tales.

A world has people, places and things. People walk, take, put, give and move things; the tale tells
it sentence by sentence. Question lines such as "Where is the lamp? The lamp is in the garden." are
mixed in. Everything random comes from the `random.Random` handed in, so a seed names a tale.
Training uses even seeds, held-out worlds odd ones.

A tale is a list of segments (text, kind); the concatenated texts are the tale. A segment always
starts at a piece boundary of the GPT-2 pre-tokenizer, so segments can be tokenised one by one.
"""

NARRATIVE, QUESTION, ANSWER, VALUE = 0, 1, 2, 3

WOMEN = ["Anna", "Clara", "Emma", "Greta", "Ida", "Kate", "Mary", "Olga"]
MEN = ["Ben", "David", "Felix", "Hugo", "Jack", "Leo", "Noah", "Paul"]
NAMES = WOMEN + MEN
PLACES = ["kitchen", "garden", "cellar", "attic", "barn", "hall", "library", "park", "tower",
          "shop", "school", "church", "stable", "cave", "forest", "office"]
THINGS = ["lamp", "book", "key", "ball", "hat", "cup", "coin", "ring", "rope", "map", "drum",
          "apple", "letter", "knife", "clock", "box", "candle", "shell", "scarf", "basket"]

OPENINGS = ["It was a cold morning.", "It was a warm evening.", "It was a quiet day.",
            "It was a long winter.", "This is a tale of a small village.",
            "Once there was a small village."]
FILLERS = ["The sun was low.", "The wind was cold.", "It began to rain.", "The rain stopped.",
           "A bird sang in the old tree.", "A dog barked far away.", "The sky was blue.",
           "The stars came out.", "The bells rang.", "It was a quiet day.", "The night was long.",
           "Snow fell on the roofs.",
           "A cat slept by the fire.", "The leaves were red.", "Nothing happened for a while.",
           "A cart rolled down the road.", "The moon was bright.", "The air smelled of bread.",
           "Far away a horse ran by.", "The clouds were grey."]
DEEDS = ["{p} sang a song.", "{p} was happy.", "{p} sat down and slept.", "{p} laughed.",
         "{p} was tired.",
         "{p} told an old joke.", "{p} looked at the sky.", "{p} said good morning."]
AFTER = ["{s} was happy.", "{s} smiled.", "{s} was tired.", "{s} sang a song."]
# What changes names what it ends, so that a state that only adds can take the old away.
WALKS = ["{p} went from the {o} to the {l}.", "{p} walked from the {o} to the {l}.",
         "{p} ran from the {o} to the {l}.", "{p} left the {o} and went to the {l}."]
TAKES = ["{p} took the {t} from the {o}.", "{p} picked up the {t} in the {o}."]
MOVES = ["{p} moved the {t} from the {o} to the {l}.",
         "{p} carried the {t} from the {o} to the {l}."]
PUTS = ["{p} put the {t} in the {l}.", "{p} left the {t} in the {l}.",
        "{p} dropped the {t} in the {l}."]


def pronoun(name):
    return "She" if name in WOMEN else "He"


class World:
    """A world and the tale so far; `told[e]` is the number of segments when e was last told."""

    def __init__(self, rng, n_people, n_things, filler):
        self.rng = rng
        self.people = rng.sample(NAMES, n_people)
        self.things = rng.sample(THINGS, n_things)
        self.places = rng.sample(PLACES, rng.randint(4, len(PLACES)))
        self.filler = filler
        self.at = {}        # person -> place
        self.known = {}     # person -> True when the place was told with the person's own walk
        self.lies = {}      # thing -> place, when nobody holds it
        self.held = {}      # thing -> person
        self.segments = []
        self.told = {}
        self.fresh_line = True

    def say(self, sentence, kind=NARRATIVE):
        self.segments.append((sentence if self.fresh_line else " " + sentence, kind))
        self.fresh_line = False

    def newline(self, kind=NARRATIVE):
        if not self.fresh_line:
            self.segments.append(("\n", kind))
            self.fresh_line = True

    def tell(self, sentence, *entities, old=None):
        """A sentence that tells about the entities. `old`: a word in it that a reader can know."""
        if old and " " + old in sentence:
            before, after = sentence.split(" " + old)
            self.say(before)
            self.segments += [(" " + old, VALUE), (after, NARRATIVE)]
        else:
            self.say(sentence)
        for e in entities:
            self.told[e] = len(self.segments)

    def open(self):
        rng = self.rng
        if rng.random() < 0.75:
            self.say(rng.choice(OPENINGS))
        order = self.people + self.things
        rng.shuffle(order)
        for e in order:
            place = rng.choice(self.places)
            if e in self.things and self.at and rng.random() < 0.25:
                self.held[e] = p = rng.choice(list(self.at))
                self.tell(rng.choice(["{} took the {}.", "{} picked up the {}."]).format(p, e), e)
            elif e in self.people:
                self.at[e], self.known[e] = place, True
                text = rng.choice(["{} was in the {}.", "{} went to the {}."])
                self.tell(text.format(e, place), e)
            else:
                self.lies[e] = place
                text = rng.choice(["The {} was in the {}.", "There was a {} in the {}."])
                self.tell(text.format(e, place), e)

    def step(self, frozen=()):
        """One more sentence (or two) that does not touch the frozen people and things."""
        rng = self.rng
        if rng.random() < self.filler:
            return self.idle(frozen)
        people = [p for p in self.people if p not in frozen]
        if not people:
            return self.idle(frozen)
        p = rng.choice(people)
        carried = [t for t, h in self.held.items() if h == p and t not in frozen]
        near = [t for t, l in self.lies.items() if l == self.at[p] and t not in frozen]
        loose = [t for t in self.lies if t not in frozen]
        roll = rng.random()
        if carried and roll < 0.3:
            self.part(p, rng.choice(carried), people)
        elif near and roll < 0.75:
            self.take_or_move(p, rng.choice(near))
        elif loose and roll < 0.45:
            self.fetch(p, rng.choice(loose))
        else:
            self.walk(p, rng.choice([x for x in self.places if x != self.at[p]]))

    def idle(self, frozen):
        rng = self.rng
        people = [p for p in self.people if p not in frozen]
        if people and rng.random() < 0.35:
            p = rng.choice(people)
            self.say(rng.choice(DEEDS).format(p=p))
            if rng.random() < 0.3:
                self.say(rng.choice(AFTER).format(s=pronoun(p)))
        else:
            self.say(rng.choice(FILLERS))

    def walk(self, p, place):
        old, self.at[p] = self.at[p], place
        text = self.rng.choice(WALKS)
        self.known[p] = True
        self.tell(text.format(p=p, l=place, o=old), p, old=old)

    def fetch(self, p, t):
        """Walk to where a thing lies, and take or move it."""
        if self.at[p] != self.lies[t]:
            self.walk(p, self.lies[t])
        self.take_or_move(p, t)

    def take_or_move(self, p, t):
        rng, old = self.rng, self.lies[t]
        if rng.random() < 0.5:
            del self.lies[t]
            self.held[t] = p
            text = rng.choice(TAKES)
            return self.tell(text.format(p=p, t=t, o=old), t, old=old)
        place = rng.choice([x for x in self.places if x != old])
        self.lies[t] = self.at[p] = place
        self.known[p] = False
        text = rng.choice(MOVES)
        self.tell(text.format(p=p, t=t, o=old, l=place), t, old=old)

    def part(self, p, t, people):
        """Put a carried thing down, or give it away."""
        rng, others = self.rng, [q for q in people if q != p]
        if others and rng.random() < 0.3:
            self.held[t] = q = rng.choice(others)
            return self.tell("{} gave the {} to {}.".format(p, t, q), t)
        del self.held[t]
        self.lies[t] = self.at[p]
        text = rng.choice(PUTS)
        self.tell(text.format(p=p, t=t, l=self.at[p]), t, old=self.at[p])

    def askable(self):
        return [p for p in self.people if self.known.get(p)] + self.things

    def oldest(self, n):
        """The n askable entities that were told longest ago."""
        return sorted(self.askable(), key=self.told.get)[:n]

    def choose(self, n):
        """Up to n askable entities: at random, or those told longest ago."""
        if self.rng.random() < 0.5:
            return self.oldest(n)
        some = self.askable()
        return self.rng.sample(some, min(len(some), n))

    def question(self, e):
        """(question, answer, (before, value, after)): the answer cut around its deciding word."""
        if e in self.at:
            return "Where is %s?" % e, ("%s is in the" % e, " " + self.at[e], ".")
        if e in self.held:
            ask = self.rng.choice(["Where is the %s?", "Who has the %s?"]) % e
            return ask, ("", " " + self.held[e], " has the %s." % e)
        return "Where is the %s?" % e, ("The %s is in the" % e, " " + self.lies[e], ".")

    def ask(self, e):
        """A question line and its answer."""
        q, (before, value, after) = self.question(e)
        self.newline()
        self.say(q, QUESTION)
        if before:
            self.segments.append((" " + before, ANSWER))
        self.segments.append((value, VALUE))
        self.segments.append((after, ANSWER))
        self.fresh_line = False
        self.newline(ANSWER)
        self.told[e] = len(self.segments)


def count(segments):
    """A rough number of tokens: words and marks."""
    return sum(len(s.split()) + s.count(".") + s.count("?") + s.count("\n") for s, _ in segments)


def training_tale(rng, length):
    """A tale of about `length` tokens for training.

    Questions come densely (not in long tales), or sparsely and always about what was told longest
    ago, or late."""
    small, long = length < 100, length > 600
    world = World(rng, rng.randint(1, 2 if small else 4), rng.randint(1, 3 if small else 7),
                  rng.choice([0.1, 0.3, 0.5, 0.8]))
    world.open()
    modes = ["dense"] if small else ["sparse", "late"] if long else ["dense", "sparse", "late"]
    mode = rng.choice(modes)
    start = rng.uniform(0.5, 0.85) * length if mode == "late" else 0
    share = {"dense": 0.6, "sparse": 0.15, "late": 0.5}[mode]
    frozen = set(e for e in world.people + world.things if rng.random() < (0.5 if long else 0.35))
    firm = rng.choice([0.8, 1.0])
    size, seen = count(world.segments), len(world.segments)
    while size < length:
        if size >= start and rng.random() < share:
            n = 1 if mode == "sparse" else rng.randint(1, 4)
            for e in world.oldest(n) if mode == "sparse" else world.choose(n):
                world.ask(e)
        else:
            world.step(frozen if rng.random() < firm else ())
            if rng.random() < 0.1:
                world.newline()
        size += count(world.segments[seen:])
        seen = len(world.segments)
    if rng.random() < 0.2:
        world.say("The end.")
        world.segments.append(("<|endoftext|>", NARRATIVE))
    return world.segments


class Holders(World):
    """A world in which things are mostly taken and given, the harder kind of fact."""

    def __init__(self, *args, take):
        super().__init__(*args)
        self.take = take

    def take_or_move(self, p, t):
        rng, old = self.rng, self.lies[t]
        if rng.random() >= self.take:
            return super().take_or_move(p, t)
        del self.lies[t]
        self.held[t] = p
        self.tell(rng.choice(TAKES).format(p=p, t=t, o=old), t, old=old)

    def part(self, p, t, people):
        others = [q for q in people if q != p]
        if not others or self.rng.random() >= self.take:
            return super().part(p, t, people)
        self.held[t] = q = self.rng.choice(others)
        self.tell("{} gave the {} to {}.".format(p, t, q), t)


def exam_tale(rng, length):
    """A tale of about `length` tokens that is told to its end; then everything is asked once."""
    more = rng.random() < 0.3
    world = Holders(rng, rng.randint(2, 4 if more else 3), rng.randint(3, 6 if more else 5),
                    rng.choice([0.2, 0.3, 0.4, 0.5]) if length < 600 else 0.5,
                    take=rng.choice([0.2, 0.5, 0.8, 0.95]))
    world.open()
    for _ in range(rng.randint(0, 6)):
        world.step()
    known = world.askable()
    rng.shuffle(known)
    frozen = set(known[:rng.choice([0, 1, 1, 2, 3])])
    size, seen = count(world.segments), len(world.segments)
    while size < length - 10 * len(known):
        world.step(frozen)
        size += count(world.segments[seen:])
        seen = len(world.segments)
    order = world.askable()
    rng.shuffle(order)
    if rng.random() < 0.5:
        order.sort(key=lambda e: e not in frozen)
    for e in order:
        world.ask(e)
    return world.segments


def test_question(rng, distance, tokens):
    """(prompt, answer, distance): a tale whose last question is `distance` tokens after the fact.

    `tokens(text)` counts tokens. The distance runs from the end of the sentence that told the fact
    last to the end of the question."""
    filler = 0.5 if distance > 300 else rng.choice([0.2, 0.4])
    world = World(rng, rng.randint(2, 3), rng.randint(3, 5), filler)
    world.open()
    for _ in range(rng.randint(0, 6)):
        world.step()
    target = rng.choice(world.askable())
    while True:
        tail = "".join(s for s, _ in world.segments[world.told[target]:])
        if tokens(tail) + 6 >= distance:
            break
        world.step({target})
    question, parts = world.question(target)
    world.newline()
    world.say(question, QUESTION)
    text = "".join(s for s, _ in world.segments)
    tail = "".join(s for s, _ in world.segments[world.told[target]:])
    return text, "".join(parts).strip(), tokens(tail)
