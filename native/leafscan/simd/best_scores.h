// Which of many scores are among the best, without putting anything in order that is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace leafscan {

// All arrays of scores are whole vectors of sixteen; -infinity marks places where there is nothing.
inline constexpr std::size_t kScoreLanes = 16;

// A score that at least `wanted` of `scores` reach, and few more: `wanted` is at least 1 and at most the number of scores
// that are finite; none is NaN or +infinity. `maxima` is room, as large as `scores`.
//
// Scores are folded into some four times `wanted` maxima: what `wanted` maxima reach, as many scores reach. The cut among
// the maxima is found by bisection, which counts and moves nothing; about 1.1 to 1.6 times `wanted` scores
// reach it. Where scores tie or are spread over many orders of magnitude, it may be any number of them.
// Cost: two operations a vector of scores, and two a vector of maxima for each of at most twelve steps.
float CutScores(std::span<const float> scores, std::size_t wanted, std::span<float> maxima);

// Writes the places of scores that reach the cut, which is finite, in ascending order, and returns how many there are.
// `places` has room for kScoreLanes more than there are scores: those past the last one are overwritten.
// Cost: five operations for a vector that compresses in one (AVX-512), else a dozen for sixteen scores.
std::size_t ListScores(std::span<const float> scores, float cut, std::span<std::uint32_t> places);

// Writes each score's rank, 0 for the best; of equal ones the earlier is better. Both arrays are whole vectors of sixteen; what
// is not a score is -infinity, and ranks last.
// Cost: three operations for a score and a vector of scores: a quarter of a microsecond for a hundred scores, where a sort,
// whose branches cannot be predicted, takes five times as long. Not for many hundreds.
void RankScores(std::span<const float> scores, std::span<std::uint32_t> ranks);

}  // namespace leafscan
