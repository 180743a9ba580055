// CUDA's driver for a GPU that is not there: enough of libcuda.so.1 for the real pycuda. Device memory is main memory;
// streams do at once what they are asked to do, or note it while they are captured. Misuse is an error, as it is for
// the real driver: no current context, memory that was never allocated or has been freed, waiting or allocating while
// a stream is captured. Compiled together with the kernels, behind "launch" (see compiler.py).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

enum { OK = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, BAD_DEVICE = 101, NO_CONTEXT = 201, NOT_FOUND = 500,
       ILLEGAL = 700, CAPTURING = 900 };

typedef std::vector<std::function<void()>> Work;

struct Stream {
    Work *noted = nullptr;
    int doing(std::function<void()> work)
    {
        if (noted)
            noted->push_back(work);
        else
            work();
        return OK;
    }
};

struct Function {
    std::string name;
};

static std::map<uintptr_t, size_t> memory;
static size_t used = 0;
static int capturing = 0;
static thread_local std::vector<void *> contexts;
static int primary;

static long setting(const char *name, long otherwise)
{
    const char *value = std::getenv(name);
    return value ? std::atol(value) : otherwise;
}

static bool ours(uintptr_t at, size_t size)
{
    auto next = memory.upper_bound(at);
    if (next == memory.begin())
        return false;
    --next;
    return at + size <= next->first + next->second;
}

#define API extern "C" int
#define NEEDS_CONTEXT if (contexts.empty()) return NO_CONTEXT

API cuInit(unsigned) { return setting("EMULATED_GPUS", 1) ? (int)setting("EMULATED_INIT", OK) : NO_DEVICE; }
API cuDriverGetVersion(int *version) { *version = 13000; return OK; }
API cuGetErrorString(int code, const char **text)
{
    switch (code) {
    case NO_MEMORY: *text = "out of memory"; break;
    case NO_DEVICE: *text = "no CUDA-capable device is detected"; break;
    case BAD_DEVICE: *text = "invalid device ordinal"; break;
    case NO_CONTEXT: *text = "invalid device context"; break;
    case ILLEGAL: *text = "an illegal memory access was encountered"; break;
    case CAPTURING: *text = "operation not permitted when stream is capturing"; break;
    case 803: *text = "system has unsupported display driver / cuda driver combination"; break;
    default: *text = "invalid argument";
    }
    return OK;
}
API cuDeviceGetCount(int *count) { *count = (int)setting("EMULATED_GPUS", 1); return OK; }
API cuDeviceGet(int *device, int ordinal)
{
    if (ordinal >= setting("EMULATED_GPUS", 1))
        return BAD_DEVICE;
    *device = ordinal;
    return OK;
}
API cuDeviceGetName(char *name, int size, int) { std::snprintf(name, size, "Emulated GPU"); return OK; }
API cuDeviceComputeCapability(int *major, int *minor, int)
{
    const long both = setting("EMULATED_CAPABILITY", 89);
    *major = (int)both / 10;
    *minor = (int)both % 10;
    return OK;
}
API cuDeviceTotalMem_v2(size_t *size, int) { *size = 1 << 30; return OK; }
API cuDeviceGetAttribute(int *value, int, int) { *value = 1024; return OK; }

API cuDevicePrimaryCtxRetain(void **context, int) { *context = &primary; return OK; }
API cuDevicePrimaryCtxRelease_v2(int) { return OK; }
API cuCtxPushCurrent_v2(void *context) { contexts.push_back(context); return OK; }
API cuCtxPopCurrent_v2(void **context)
{
    NEEDS_CONTEXT;
    if (context)
        *context = contexts.back();
    contexts.pop_back();
    return OK;
}
API cuCtxGetDevice(int *device) { NEEDS_CONTEXT; *device = 0; return OK; }
API cuCtxGetApiVersion(void *, unsigned *version) { *version = 13000; return OK; }
API cuCtxSynchronize() { NEEDS_CONTEXT; return capturing ? CAPTURING : OK; }

API cuMemAlloc_v2(uintptr_t *at, size_t size)
{
    NEEDS_CONTEXT;
    if (capturing)
        return CAPTURING;
    if (used + size > (size_t)setting("EMULATED_MEMORY", 1L << 40))
        return NO_MEMORY;
    *at = (uintptr_t)std::aligned_alloc(256, (size + 255) / 256 * 256);
    memory[*at] = size;
    used += size;
    return OK;
}
API cuMemFree_v2(uintptr_t at)
{
    NEEDS_CONTEXT;
    if (!memory.count(at))
        return INVALID;
    used -= memory[at];
    memory.erase(at);
    std::free((void *)at);
    return OK;
}
API cuMemGetInfo_v2(size_t *free, size_t *total) { NEEDS_CONTEXT; *free = (1 << 30) - used; *total = 1 << 30; return OK; }
API cuMemHostAlloc(void **at, size_t size, unsigned) { NEEDS_CONTEXT; *at = std::malloc(size); return OK; }
API cuMemFreeHost(void *at) { NEEDS_CONTEXT; std::free(at); return OK; }
API cuMemcpyHtoDAsync_v2(uintptr_t to, const void *from, size_t size, Stream *stream)
{
    NEEDS_CONTEXT;
    return ours(to, size) ? stream->doing([=] { std::memcpy((void *)to, from, size); }) : ILLEGAL;
}
API cuMemcpyDtoHAsync_v2(void *to, uintptr_t from, size_t size, Stream *stream)
{
    NEEDS_CONTEXT;
    return ours(from, size) ? stream->doing([=] { std::memcpy(to, (void *)from, size); }) : ILLEGAL;
}
API cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t size, Stream *stream)
{
    NEEDS_CONTEXT;
    if (!ours(to, size) || !ours(from, size))
        return ILLEGAL;
    return stream->doing([=] { std::memcpy((void *)to, (void *)from, size); });
}

// Streams, events and graphs that have not been destroyed.
static int alive = 0;
API emulated_alive() { return alive; }

API cuStreamCreate(Stream **stream, unsigned) { NEEDS_CONTEXT; *stream = new Stream; ++alive; return OK; }
API cuStreamDestroy_v2(Stream *stream) { NEEDS_CONTEXT; delete stream; --alive; return capturing ? CAPTURING : OK; }
API cuStreamSynchronize(Stream *stream) { NEEDS_CONTEXT; return stream->noted ? CAPTURING : OK; }
API cuStreamQuery(Stream *) { NEEDS_CONTEXT; return OK; }
API cuStreamWaitEvent(Stream *, void *, unsigned) { NEEDS_CONTEXT; return OK; }
API cuStreamBeginCapture_v2(Stream *stream, int)
{
    NEEDS_CONTEXT;
    stream->noted = new Work;
    ++capturing;
    return OK;
}
API cuStreamEndCapture(Stream *stream, Work **graph)
{
    NEEDS_CONTEXT;
    *graph = stream->noted;
    stream->noted = nullptr;
    --capturing;
    return OK;
}
API cuGraphInstantiateWithFlags(Work **ready, Work *graph, unsigned long long) { *ready = new Work(*graph); ++alive; return OK; }
API cuGraphLaunch(Work *graph, Stream *)
{
    NEEDS_CONTEXT;
    for (auto &work : *graph)
        work();
    return OK;
}
API cuGraphDestroy(Work *graph) { delete graph; return OK; }
API cuGraphExecDestroy(Work *graph) { delete graph; --alive; return OK; }

API cuEventCreate(void **event, unsigned) { NEEDS_CONTEXT; *event = new int; ++alive; return OK; }
API cuEventDestroy_v2(int *event) { NEEDS_CONTEXT; delete event; --alive; return capturing ? CAPTURING : OK; }
API cuEventRecord(void *, Stream *) { NEEDS_CONTEXT; return OK; }
API cuEventSynchronize(void *) { NEEDS_CONTEXT; return capturing ? CAPTURING : OK; }
API cuEventQuery(void *) { NEEDS_CONTEXT; return OK; }
API cuEventElapsedTime_v2(float *ms, void *, void *) { *ms = 1; return OK; }

API cuModuleLoadDataEx(void **module, const char *image, unsigned, void *, void *)
{
    NEEDS_CONTEXT;
    *module = &primary;
    return std::memcmp(image, "\177ELF", 4) ? INVALID : OK;  // what nvcc made
}
API cuModuleLoadData(void **module, const char *image) { return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr); }
API cuModuleUnload(void *) { NEEDS_CONTEXT; return OK; }
API cuModuleGetFunction(Function **function, void *, const char *name)
{
    NEEDS_CONTEXT;
    *function = new Function{name};
    return OK;
}
API cuFuncSetBlockShape(Function *, int, int, int) { NEEDS_CONTEXT; return OK; }
API cuFuncGetAttribute(int *value, int, Function *) { *value = 0; return OK; }
API cuLaunchKernel(Function *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned, Stream *stream, void **, void **extra)
{
    NEEDS_CONTEXT;
    std::string buffer;  // CU_LAUNCH_PARAM_BUFFER_POINTER is 1, _SIZE 2, _END 0
    size_t size = 0;
    const char *at = nullptr;
    for (; extra && *extra; extra += 2)
        if ((uintptr_t)*extra == 1)
            at = (const char *)extra[1];
        else
            size = *(const size_t *)extra[1];
    if (!at || bx * by * bz > 1024)
        return INVALID;
    buffer.assign(at, size);
    const std::string name = function->name;
    return stream->doing([=] {
        const unsigned grid[3] = {gx, gy, gz}, block[3] = {bx, by, bz};
        launch(name.c_str(), grid, block, buffer.data());
    });
}

// For the emulated TensorRT: call back when the stream gets there.
API emulated_call(Stream *stream, void (*work)()) { return stream->doing([=] { work(); }); }

// What pycuda links to and nothing here uses.
#define UNUSED(name) API name() { return 801; }
UNUSED(cuArray3DCreate_v2) UNUSED(cuArray3DGetDescriptor_v2) UNUSED(cuArrayCreate_v2) UNUSED(cuArrayDestroy)
UNUSED(cuArrayGetDescriptor_v2) UNUSED(cuCtxAttach) UNUSED(cuCtxCreate_v4) UNUSED(cuCtxDetach)
UNUSED(cuCtxDisablePeerAccess) UNUSED(cuCtxEnablePeerAccess) UNUSED(cuCtxGetCacheConfig) UNUSED(cuCtxGetLimit)
UNUSED(cuCtxGetSharedMemConfig) UNUSED(cuCtxSetCacheConfig) UNUSED(cuCtxSetLimit) UNUSED(cuCtxSetSharedMemConfig)
UNUSED(cuDeviceCanAccessPeer) UNUSED(cuDeviceGetByPCIBusId) UNUSED(cuDeviceGetPCIBusId) UNUSED(cuFuncSetAttribute)
UNUSED(cuFuncSetCacheConfig) UNUSED(cuFuncSetSharedSize) UNUSED(cuIpcCloseMemHandle) UNUSED(cuIpcGetEventHandle)
UNUSED(cuIpcGetMemHandle) UNUSED(cuIpcOpenEventHandle) UNUSED(cuIpcOpenMemHandle_v2) UNUSED(cuLaunch)
UNUSED(cuLaunchGrid) UNUSED(cuLaunchGridAsync) UNUSED(cuLinkAddData_v2) UNUSED(cuLinkAddFile_v2)
UNUSED(cuLinkComplete) UNUSED(cuLinkCreate_v2) UNUSED(cuLinkDestroy) UNUSED(cuMemAllocManaged)
UNUSED(cuMemAllocPitch_v2) UNUSED(cuMemGetAddressRange_v2) UNUSED(cuMemHostGetDevicePointer_v2)
UNUSED(cuMemHostGetFlags) UNUSED(cuMemHostRegister_v2) UNUSED(cuMemHostUnregister) UNUSED(cuMemcpy2DAsync_v2)
UNUSED(cuMemcpy2DUnaligned_v2) UNUSED(cuMemcpy2D_v2) UNUSED(cuMemcpy3DAsync_v2) UNUSED(cuMemcpy3DPeer)
UNUSED(cuMemcpy3DPeerAsync) UNUSED(cuMemcpy3D_v2) UNUSED(cuMemcpyAtoA_v2) UNUSED(cuMemcpyAtoD_v2)
UNUSED(cuMemcpyAtoH_v2) UNUSED(cuMemcpyDtoA_v2) UNUSED(cuMemcpyDtoD_v2) UNUSED(cuMemcpyDtoH_v2)
UNUSED(cuMemcpyHtoA_v2) UNUSED(cuMemcpyHtoD_v2) UNUSED(cuMemcpyPeer) UNUSED(cuMemcpyPeerAsync)
UNUSED(cuMemsetD16Async) UNUSED(cuMemsetD16_v2) UNUSED(cuMemsetD2D16Async) UNUSED(cuMemsetD2D16_v2)
UNUSED(cuMemsetD2D32Async) UNUSED(cuMemsetD2D32_v2) UNUSED(cuMemsetD2D8Async) UNUSED(cuMemsetD2D8_v2)
UNUSED(cuMemsetD32Async) UNUSED(cuMemsetD32_v2) UNUSED(cuMemsetD8Async) UNUSED(cuMemsetD8_v2)
UNUSED(cuModuleGetGlobal_v2) UNUSED(cuModuleGetSurfRef) UNUSED(cuModuleGetTexRef) UNUSED(cuModuleLoad)
UNUSED(cuParamSetSize) UNUSED(cuParamSetTexRef) UNUSED(cuParamSetf) UNUSED(cuParamSeti) UNUSED(cuParamSetv)
UNUSED(cuProfilerInitialize) UNUSED(cuProfilerStart) UNUSED(cuProfilerStop) UNUSED(cuStreamAttachMemAsync)
UNUSED(cuSurfRefGetArray) UNUSED(cuSurfRefSetArray) UNUSED(cuTexRefCreate) UNUSED(cuTexRefDestroy)
UNUSED(cuTexRefGetAddressMode) UNUSED(cuTexRefGetAddress_v2) UNUSED(cuTexRefGetArray) UNUSED(cuTexRefGetFilterMode)
UNUSED(cuTexRefGetFlags) UNUSED(cuTexRefGetFormat) UNUSED(cuTexRefSetAddress2D_v3) UNUSED(cuTexRefSetAddressMode)
UNUSED(cuTexRefSetAddress_v2) UNUSED(cuTexRefSetArray) UNUSED(cuTexRefSetFilterMode) UNUSED(cuTexRefSetFlags)
UNUSED(cuTexRefSetFormat)
