#include "engine/stop_filter.h"

#include <gtest/gtest.h>

#include <random>

namespace eddy {
namespace {

// What may be shown of a complete text: all before the stop string that is complete first.
std::string reference_cut(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return text.substr(0, end - longest);
  }
  return text;
}

// Whether an end of the shown text is a beginning of a stop string that the text continues.
bool shows_part_of_the_stop(const std::string& shown, const std::string& whole) {
  return shown.size() > whole.size() || whole.substr(0, shown.size()) != shown;
}

TEST(StopFilter, AStopStringCutAcrossPiecesEndsTheText) {
  const std::vector<std::string> stops = {"END"};
  StopFilter filter(stops);
  EXPECT_EQ(filter.push("one E"), "one ");
  EXPECT_EQ(filter.push("N"), "");
  EXPECT_FALSE(filter.stopped());
  EXPECT_EQ(filter.push("D two"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.finish(), "");
  EXPECT_EQ(filter.text(), "one ");
}

TEST(StopFilter, WhatWasHeldBackComesWhenItIsNoStop) {
  const std::vector<std::string> stops = {"END"};
  StopFilter filter(stops);
  EXPECT_EQ(filter.push("E"), "");
  EXPECT_EQ(filter.push("EN"), "E");
  EXPECT_EQ(filter.push("x"), "ENx");
  EXPECT_EQ(filter.push("EN"), "");
  EXPECT_EQ(filter.finish(), "EN");
}

TEST(StopFilter, EqualsTheReferenceOnEveryCut) {
  std::mt19937 rng(1);
  const auto word = [&](std::size_t n) {
    std::string text;
    while (text.size() < n) text += "ab"[rng() % 2];
    return text;
  };
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::string> stops;
    for (std::size_t i = rng() % 4; i > 0; --i) stops.push_back(word(1 + rng() % 6));
    const std::string text = word(rng() % 30);
    const std::string wanted = reference_cut(text, stops);

    StopFilter filter(stops);
    std::string shown;
    for (std::size_t first = 0; first < text.size();) {
      const std::size_t n = 1 + rng() % 4;
      shown += filter.push(std::string_view(text).substr(first, n));
      ASSERT_FALSE(shows_part_of_the_stop(shown, wanted)) << text << " shown " << shown;
      first += n;
    }
    shown += filter.finish();
    ASSERT_EQ(shown, wanted) << text;
    ASSERT_EQ(filter.text(), wanted);
    ASSERT_EQ(filter.stopped(), wanted != text);
  }
}

TEST(StopFilter, HostileStopStringsCostLinearTime) {
  std::string stop(100001, 'a');
  stop.back() = 'b';
  const std::vector<std::string> stops = {stop};
  StopFilter filter(stops);
  // Quadratic work would be 10^10 steps and time out.
  for (int i = 0; i < 200000; ++i) filter.push("a");
  EXPECT_EQ(filter.finish().size(), 100000U);
}

}  // namespace
}  // namespace eddy
