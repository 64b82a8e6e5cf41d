#include <eddy/engine.h>

#include <cstdio>

int main(int argc, char** argv) {
  auto engine = eddy::Engine::open(argc > 1 ? argv[1] : "data/tinyworld.gguf");
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().message.c_str()), 1;
  auto session = engine->new_session();
  if (!session || !session->feed("Anna took the lamp.\nWho has the lamp?")) return 1;
  auto fork = session->fork();  // shares the state until one of the two goes on
  if (!fork) return 1;
  auto answer = fork->generate({.max_tokens = 32, .stop = {"\n"}});
  if (answer) std::printf("%s\n", answer->text.c_str());
}
