#include "leafscan/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif

namespace leafscan {
namespace {

long CurrentProcess() {
#if defined(_WIN32)
  return static_cast<long>(_getpid());
#else
  return static_cast<long>(getpid());
#endif
}

// One ParallelFor. Helpers hold it by shared pointer: one that wakes late finds no chunk left and lets go.
class Job {
 public:
  Job(std::size_t chunks, const std::function<void(std::size_t)>& body) : chunks_(chunks), body_(body) {}

  // Runs chunks until none is left. `monitor` is the caller's and only its thread passes it.
  void Work(Monitor* monitor) {
    for (;;) {
      const std::size_t chunk = next_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks_) return;
      if (!stopped_.load(std::memory_order_relaxed)) {
        try {
          body_(chunk);
          if (monitor != nullptr) monitor->Tick(finished_.load(std::memory_order_relaxed) + 1, chunks_);
        } catch (...) {
          const std::lock_guard lock(mutex_);
          if (!stopped_.exchange(true)) error_ = std::current_exception();
        }
      }
      if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks_) {
        const std::lock_guard lock(mutex_);
        done_.notify_all();
      }
    }
  }

  // Every chunk was handed out, but helpers may still be inside theirs.
  void Wait() {
    // A helper's last chunk is usually microseconds away; sleeping and being woken costs more than that.
    for (int spin = 0; spin < 2000; ++spin) {
      if (finished_.load(std::memory_order_acquire) == chunks_) break;
      std::this_thread::yield();
    }
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return finished_.load(std::memory_order_acquire) == chunks_; });
    if (error_) std::rethrow_exception(error_);
  }

  bool HasWork() const { return next_.load(std::memory_order_relaxed) < chunks_; }

 private:
  const std::size_t chunks_;
  const std::function<void(std::size_t)>& body_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> finished_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::condition_variable done_;
  std::exception_ptr error_;
};

class Pool {
 public:
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  // Offers `job` to `helpers` threads.
  void Offer(const std::shared_ptr<Job>& job, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      try {
        while (static_cast<int>(workers_.size()) < helpers) workers_.emplace_back([this] { Serve(); });
      } catch (const std::system_error&) {
        // The system gives no more threads: those that are there do the work, and the caller in any case.
      }
      for (int i = 0; i < helpers; ++i) queue_.push_back(job);
      queued_.store(queue_.size(), std::memory_order_release);
    }
    if (helpers == 1) {
      wake_.notify_one();
    } else {
      wake_.notify_all();
    }
  }

 private:
  void Serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (queue_.empty() && !closing_) {
        lock.unlock();
        StayAwake();
        lock.lock();
      }
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (closing_) return;
      const std::shared_ptr<Job> job = std::move(queue_.front());
      queue_.pop_front();
      queued_.store(queue_.size(), std::memory_order_release);
      lock.unlock();
      if (job->HasWork()) job->Work(nullptr);
      lock.lock();
    }
  }

  // Being woken takes tens of microseconds, as long as a search does: whoever calls in a loop finds the threads awake.
  void StayAwake() const {
    const auto until = std::chrono::steady_clock::now() + kAwake;
    while (queued_.load(std::memory_order_acquire) == 0 && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
  }

  static constexpr std::chrono::microseconds kAwake{100};

  std::atomic<std::size_t> queued_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<std::thread> workers_;
  bool closing_ = false;
};

// After a fork the child has none of the parent's threads, and its locks may be held by nobody: it starts a pool of
// its own and leaves the parent's alone (never destroyed there: its threads cannot be joined).
// Threads still waiting when the process ends are not joined either: joining from a static destructor deadlocks on
// Windows, where they have been killed by then.
Pool& ProcessPool() {
  static std::atomic<Pool*> pool{nullptr};
  static std::atomic<long> owner{0};
  static std::atomic<long> creating{0};  // the process whose thread is at it
  const long process = CurrentProcess();
  if (owner.load(std::memory_order_acquire) == process) return *pool.load(std::memory_order_relaxed);
  // A parent that forked while it was creating left its number here; nobody of this process holds that.
  for (long holder = creating.load(); holder == process || !creating.compare_exchange_weak(holder, process);
       holder = creating.load()) {
    std::this_thread::yield();
  }
  if (owner.load(std::memory_order_acquire) != process) {
    pool.store(std::make_unique<Pool>().release(), std::memory_order_relaxed);
    owner.store(process, std::memory_order_release);
  }
  creating.store(0, std::memory_order_release);
  return *pool.load(std::memory_order_relaxed);
}

}  // namespace

void ParallelFor(std::size_t chunks, int threads, const std::function<void(std::size_t)>& body, Monitor* monitor) {
  if (chunks == 0) return;
  const auto job = std::make_shared<Job>(chunks, body);
  const std::size_t helpers = std::min<std::size_t>(std::max(threads, 1), chunks) - 1;
  if (helpers > 0) ProcessPool().Offer(job, static_cast<int>(helpers));
  job->Work(monitor);
  job->Wait();
}

}  // namespace leafscan
