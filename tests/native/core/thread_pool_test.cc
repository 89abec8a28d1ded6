#include "leafscan/core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace leafscan {
namespace {

// Runs all chunks and says whether each ran exactly once.
bool EachOnce(std::size_t chunks, int threads) {
  const auto runs = std::make_unique<std::atomic<int>[]>(chunks);
  ParallelFor(chunks, threads, [&](std::size_t chunk) { ++runs[chunk]; });
  for (std::size_t i = 0; i < chunks; ++i) {
    if (runs[i] != 1) return false;
  }
  return true;
}

TEST(ThreadPoolTest, EveryChunkRunsOnce) {
  for (const int threads : {-1, 0, 1, 2, 3, 8}) {
    for (const std::size_t chunks : {0, 1, 2, 3, 100, 5000}) EXPECT_TRUE(EachOnce(chunks, threads));
  }
}

TEST(ThreadPoolTest, OneThreadIsTheCaller) {
  const auto caller = std::this_thread::get_id();
  std::size_t next = 0;
  ParallelFor(50, 1, [&](std::size_t chunk) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(chunk, next++);
  });
}

TEST(ThreadPoolTest, NoMoreThreadsAtOnceThanAsked) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  ParallelFor(64, 3, [&](std::size_t) {
    const int here = ++now;
    int seen = most;
    while (here > seen && !most.compare_exchange_weak(seen, here)) {
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    --now;
  });
  EXPECT_LE(most, 3);
}

TEST(ThreadPoolTest, TheFirstExceptionStopsTheRestAndIsThrown) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<std::size_t> runs{0};
    try {
      ParallelFor(100000, threads, [&](std::size_t chunk) {
        ++runs;
        if (chunk == 3) throw std::runtime_error("chunk 3");
        if (threads > 1) std::this_thread::sleep_for(std::chrono::microseconds(50));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "chunk 3");
    }
    if (threads == 1) {
      EXPECT_EQ(runs, 4u);
    }
    EXPECT_LT(runs, 50000u);
    EXPECT_TRUE(EachOnce(100, threads));  // the pool works on
  }
}

TEST(ThreadPoolTest, ManyExceptionsGiveOne) {
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(ParallelFor(16, 4, [](std::size_t) { throw std::logic_error("each"); }), std::logic_error);
  }
}

// Keeps the ticks, and throws once `stop_at` is reached.
class Recorder final : public Monitor {
 public:
  explicit Recorder(std::size_t stop_at = ~std::size_t{0}) : stop_at_(stop_at) {}
  void Stage(std::string_view) override {}
  void Tick(std::size_t done, std::size_t total) override {
    EXPECT_EQ(std::this_thread::get_id(), caller_);
    EXPECT_LE(done, total);
    if (!done_.empty()) {
      EXPECT_GE(done, done_.back());
    }
    done_.push_back(done);
    if (done >= stop_at_) throw std::runtime_error("stopped by the monitor");
  }
  const std::vector<std::size_t>& done() const { return done_; }

 private:
  std::thread::id caller_ = std::this_thread::get_id();
  std::size_t stop_at_;
  std::vector<std::size_t> done_;
};

TEST(ThreadPoolTest, TheMonitorIsToldOnTheCallersThread) {
  for (const int threads : {1, 3}) {
    Recorder recorder;
    ParallelFor(
        200, threads, [](std::size_t) { std::this_thread::sleep_for(std::chrono::microseconds(20)); }, &recorder);
    // With helpers the caller may come late and find less to tell of.
    if (threads == 1) {
      EXPECT_EQ(recorder.done().size(), 200u);
      EXPECT_EQ(recorder.done().back(), 200u);
    }
  }
}

TEST(ThreadPoolTest, TheMonitorStopsTheWork) {
  for (const int threads : {1, 3}) {
    Recorder recorder(5);
    std::atomic<std::size_t> runs{0};
    EXPECT_THROW(ParallelFor(
                     100000, threads,
                     [&](std::size_t) {
                       ++runs;
                       std::this_thread::sleep_for(std::chrono::microseconds(20));
                     },
                     &recorder),
                 std::runtime_error);
    EXPECT_LT(runs, 50000u);
  }
}

TEST(ThreadPoolTest, CallsMayNest) {
  std::atomic<int> runs{0};
  ParallelFor(8, 4, [&](std::size_t) {
    ParallelFor(8, 4, [&](std::size_t) { ParallelFor(4, 3, [&](std::size_t) { ++runs; }); });
  });
  EXPECT_EQ(runs, 8 * 8 * 4);
}

TEST(ThreadPoolTest, AnInnerExceptionReachesTheOutermostCaller) {
  EXPECT_THROW(ParallelFor(4, 2,
                           [](std::size_t) {
                             ParallelFor(4, 2, [](std::size_t) { throw std::out_of_range("inside"); });
                           }),
               std::out_of_range);
}

TEST(ThreadPoolTest, ManyMayCallAtOnce) {
  std::atomic<int> good{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        if (caller % 4 == 3) {
          try {
            ParallelFor(20, 3, [](std::size_t chunk) {
              if (chunk == 7) throw std::runtime_error("mine");
            });
          } catch (const std::runtime_error&) {
            ++good;
          }
        } else {
          good += EachOnce(50, 3) ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 800);
}

#if !defined(_WIN32)

// The exit status of a child that runs `body`; a child that hangs is killed by its alarm.
template <class Body>
int StatusOfChild(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body() ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

TEST(ThreadPoolTest, WorksInAForkedChildAndItsChild) {
  ASSERT_TRUE(EachOnce(100, 4));  // the parent has a pool
  EXPECT_EQ(StatusOfChild([] {
              return EachOnce(100, 4) && StatusOfChild([] { return EachOnce(100, 4); }) == 0 && EachOnce(100, 4);
            }),
            0);
  EXPECT_TRUE(EachOnce(100, 4));
}

TEST(ThreadPoolTest, WorksInAChildForkedWhileThePoolIsBusy) {
#if defined(__SANITIZE_THREAD__)
  // Its own locks may be held by the busy thread at the fork: the child then waits for the sanitizer, not for the pool.
  GTEST_SKIP() << "ThreadSanitizer does not support children of busy processes";
#endif
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) EachOnce(20, 3);
  });
  int failed = 0;
  for (int round = 0; round < 20; ++round) failed += StatusOfChild([] { return EachOnce(50, 3); }) != 0;
  stop = true;
  busy.join();
  EXPECT_EQ(failed, 0);
}

#endif

}  // namespace
}  // namespace leafscan
