#include "engine/traces.h"

#include <algorithm>
#include <random>
#include <utility>

namespace eddy {
namespace {

using Tokens = std::vector<Token>;

constexpr Token kUser(1), kAssistant(2), kEnd(3), kNewLine(4), kThink(5), kThinkEnd(6);

void append(Tokens& to, const Tokens& from) { to.insert(to.end(), from.begin(), from.end()); }

// At most one of its numbers in the arguments of a call: their order is the compiler's.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // low .. high, all alike; the same on every machine, which <random>'s distributions are not.
  int between(int low, int high) {
    return low + static_cast<int>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool percent(int n) { return between(1, 100) <= n; }

  // Text: nothing in it repeats but by chance.
  Tokens text(int low, int high) {
    Tokens tokens(static_cast<std::size_t>(between(low, high)));
    for (Token& token : tokens) token = Token(between(100, 50000));
    return tokens;
  }

  std::size_t index(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }

 private:
  std::mt19937_64 engine_;
};

// A turn of the user and what was answered.
struct Exchange {
  Tokens user = {};
  Tokens thoughts = {};
  Tokens answer = {};
};

// A template in the manner of ChatML: markers, role, line break.
class Chat {
 public:
  explicit Chat(Tokens system) : system_(std::move(system)) {}

  std::vector<Exchange> exchanges;

  void set_system(Tokens system) { system_ = std::move(system); }

  // The prompt for the last exchange's answer. Thoughts of earlier answers are left out, and where
  // the model is to think the prompt opens a thinking part.
  TraceRequest request(bool thinks) const {
    TraceRequest made{.prompt = system_};
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
      const Exchange& exchange = exchanges[i];
      made.turns.push_back(static_cast<Pos>(made.prompt.size()));
      append(made.prompt, {kUser, kNewLine});
      append(made.prompt, exchange.user);
      append(made.prompt, {kEnd, kNewLine, kAssistant, kNewLine});
      if (i + 1 == exchanges.size()) break;
      append(made.prompt, exchange.answer);
      append(made.prompt, {kEnd, kNewLine});
    }
    if (thinks) {
      append(made.prompt, {kThink, kNewLine});
      append(made.answer, exchanges.back().thoughts);
      append(made.answer, {kThinkEnd, kNewLine});
    }
    append(made.answer, exchanges.back().answer);
    made.answer.push_back(kEnd);
    return made;
  }

 private:
  Tokens system_;
};

// A number of sessions that are live at the same time: each request is the next of any of them; a
// session that has ended makes way for a new one.
template <class Session>
class Crowd {
 public:
  template <class Make>
  std::vector<TraceRequest> run(Random& random, std::size_t n_live, std::size_t n_requests,
                                const Make& make) {
    std::vector<TraceRequest> trace;
    while (trace.size() < n_requests) {
      while (live_.size() < n_live) live_.push_back(make());
      const std::size_t i = random.index(live_.size());
      trace.push_back(live_[i].next(random));
      if (live_[i].is_over()) live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return trace;
  }

 private:
  std::vector<Session> live_;
};

// --- Conversations ------------------------------------------------------------------------------

class ChatSession {
 public:
  ChatSession(Tokens system, int n_turns, bool thinks)
      : chat_(std::move(system)), n_left_(n_turns), thinks_(thinks) {}

  bool is_over() const { return n_left_ == 0; }

  TraceRequest next(Random& random) {
    --n_left_;
    auto& exchanges = chat_.exchanges;
    const int dice = random.between(1, 100);
    if (exchanges.empty() || dice > 20) {
      exchanges.push_back({.user = random.text(10, 300)});
    } else if (dice > 12) {
      // The same question again.
    } else if (dice > 5) {
      edit(random, exchanges.back().user);
    } else {
      exchanges.resize(1 + random.index(exchanges.size()));  // back to an earlier question
      exchanges.back().user = random.text(10, 300);
    }
    exchanges.back().answer = random.text(30, 600);
    exchanges.back().thoughts = thinks_ ? random.text(100, 2000) : Tokens();
    return chat_.request(thinks_);
  }

 private:
  static void edit(Random& random, Tokens& text) {
    text.resize(random.index(text.size() + 1));
    append(text, random.text(5, 50));
  }

  Chat chat_;
  int n_left_;
  bool thinks_;
};

std::vector<TraceRequest> make_chat(Random& random, bool thinks) {
  std::vector<Tokens> systems;
  for (int i = 0; i < 4; ++i) systems.push_back(random.text(100, 1500));
  return Crowd<ChatSession>().run(random, 16, 500, [&] {
    const int n_turns = random.between(2, 20);
    return ChatSession(systems[random.index(systems.size())], n_turns, thinks);
  });
}

// --- Agents -------------------------------------------------------------------------------------

// A system prompt in which one line says what day it is.
struct AgentPrompt {
  Tokens before;
  Tokens after;

  Tokens on(int day) const {
    Tokens tokens = before;
    append(tokens, {Token(50001), Token(50002), Token(51000 + day), kNewLine});
    append(tokens, after);
    return tokens;
  }
};

class AgentSession {
 public:
  AgentSession(const AgentPrompt& prompt, int n_rounds, const int& day)
      : prompt_(&prompt), chat_({}), n_left_(n_rounds), day_(&day) {}

  bool is_over() const { return n_left_ == 0; }

  // A task, then results of tools.
  TraceRequest next(Random& random) {
    --n_left_;
    chat_.set_system(prompt_->on(*day_));
    const bool is_task = chat_.exchanges.empty();
    chat_.exchanges.push_back({.user = is_task ? random.text(30, 400) : random.text(20, 1500)});
    chat_.exchanges.back().answer = random.text(20, 150);
    return chat_.request(false);
  }

 private:
  const AgentPrompt* prompt_;
  Chat chat_;
  int n_left_;
  const int* day_;
};

// The date stands near the top of one system prompt and near the end of the others. It changes
// every 60 requests, in running sessions too.
std::vector<TraceRequest> make_agents(Random& random) {
  std::vector<AgentPrompt> prompts;
  prompts.push_back({random.text(10, 50), random.text(3000, 6000)});
  for (int i = 0; i < 2; ++i) prompts.push_back({random.text(3000, 8000), random.text(10, 300)});
  int day = 0;
  int n_made = 0;
  Crowd<AgentSession> crowd;
  std::vector<TraceRequest> trace;
  while (n_made < 360) {
    auto part = crowd.run(random, 10, 60, [&] {
      const int n_rounds = random.between(4, 20);
      return AgentSession(prompts[random.index(prompts.size())], n_rounds, day);
    });
    std::move(part.begin(), part.end(), std::back_inserter(trace));
    n_made += 60;
    ++day;
  }
  return trace;
}

// --- Tree search --------------------------------------------------------------------------------

class TreeSearch {
 public:
  TreeSearch(const Tokens& examples, Tokens problem, int n_steps) : n_left_(n_steps) {
    nodes_.push_back({.path = examples, .turns = {static_cast<Pos>(examples.size())}});
    append(nodes_[0].path, problem);
  }

  bool is_over() const { return n_left_ == 0; }

  // One more step after a node: any of the newest few, or of all.
  TraceRequest next(Random& random) {
    --n_left_;
    const std::size_t n_newest = std::min<std::size_t>(nodes_.size(), 6);
    const std::size_t i = random.percent(70) ? nodes_.size() - 1 - random.index(n_newest)
                                             : random.index(nodes_.size());
    const Node& node = nodes_[i];
    TraceRequest made{.prompt = node.path, .turns = node.turns, .answer = random.text(20, 250)};
    made.answer.push_back(kNewLine);
    Node child = node;
    child.turns.push_back(static_cast<Pos>(child.path.size()));
    append(child.path, made.answer);
    nodes_.push_back(std::move(child));
    return made;
  }

 private:
  struct Node {
    Tokens path;
    std::vector<Pos> turns;
  };
  std::vector<Node> nodes_;
  int n_left_;
};

std::vector<TraceRequest> make_tree(Random& random) {
  const Tokens examples = random.text(1000, 2000);
  return Crowd<TreeSearch>().run(random, 4, 600, [&] {
    const int n_steps = random.between(20, 60);
    return TreeSearch(examples, random.text(50, 600), n_steps);
  });
}

}  // namespace

std::string_view trace_name(TraceKind kind) {
  constexpr std::string_view kNames[] = {"chat", "thinking", "agents", "tree"};
  static_assert(std::size(kNames) == kTraceKinds.size());
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<TraceRequest> make_trace(TraceKind kind, std::uint64_t seed) {
  Random random(seed * kTraceKinds.size() + static_cast<std::uint64_t>(kind));
  switch (kind) {
    case TraceKind::kThinking: return make_chat(random, true);
    case TraceKind::kAgents: return make_agents(random);
    case TraceKind::kTree: return make_tree(random);
    case TraceKind::kChat: break;
  }
  return make_chat(random, false);
}

}  // namespace eddy
