"""What is said by the voices that are scored, beside "The North Wind and the Sun" in :mod:`vocabulary`."""

from __future__ import annotations

FURTHER = {
    "lb": (
        "Haut de Moien ass meng Schwëster mam Zuch an d'Stad gefuer.",
        "Si huet um Maart frëscht Brout, Äppel a Blumme kaaft.",
        "Owes hu mir zesummen am Gaart gesiess a laang geschwat.",
    ),
    "gd": (
        "Bha latha brèagha ann agus chaidh sinn gu tràigh còmhla.",
        "Cheannaich mo mhàthair aran is ìm anns a' bhùth bheag.",
        "Tha an cù dubh a' ruith timcheall air an taigh mhòr.",
    ),
    "uz": (
        "Bugun ertalab onam bozorga borib non va olma sotib oldi.",
        "Bobom bog'da o'tirib, nabiralariga eski ertaklarni aytib berdi.",
        "Kechqurun biz hammamiz birga choy ichdik.",
    ),
    "ku": (
        "Îro sibehê diya min çû bazarê û nan û penîr kirî.",
        "Bavê min li ber çem rûniştibû û bi hevalên xwe re dipeyivî.",
        "Êvarê em hemû bi hev re li malê civiyan.",
    ),
    "pap": (
        "Awe mainta mi mama a bai merkado pa kumpra piská i papaya.",
        "E muchanan ta hunga bou di e palu grandi.",
        "Anochi nos a sinta pafó i papia te lat.",
    ),
    "ia": (
        "Iste matino mi amico ha prendite le traino al urbe.",
        "In le mercato ille comprava pan, caseo e pomos.",
        "Le vespere nos sedeva in le jardin e parlava multo del viage.",
    ),
    "fa": (
        "امروز صبح مادرم به بازار رفت و نان و میوه خرید.",
        "بچه‌ها زیر درخت بزرگ بازی می‌کردند.",
        "شب همه با هم در باغ نشستیم و چای نوشیدیم.",
    ),
    "bn": (
        "আজ সকালে আমার মা বাজারে গিয়ে মাছ আর সবজি কিনলেন।",
        "ছেলেমেয়েরা বড় গাছের নিচে খেলছিল।",
        "রাতে আমরা সবাই মিলে অনেক গল্প করলাম।",
    ),
    "ta": (
        "இன்று காலை என் அம்மா சந்தைக்குப் போய் மீனும் பழமும் வாங்கினார்.",
        "குழந்தைகள் பெரிய மரத்தின் கீழே விளையாடினார்கள்.",
        "மாலையில் நாங்கள் எல்லோரும் சேர்ந்து பேசினோம்.",
    ),
    "om": (
        "Har'a ganama haatiko gabaa deemtee buddeena fi muduraa bitte.",
        "Ijoolleen muka guddaa jala taphatu.",
        "Galgala hundi keenya waliin teenyee haasofne.",
    ),
}
#: With the Universal Declaration of Human Rights, whose text training reads in other languages.
VERDICT = {
    "ms": (
        "Semua manusia dilahirkan bebas dan samarata dari segi kemuliaan dan hak-hak.",
        "Mereka mempunyai pemikiran dan perasaan hati.",
        "Pagi ini ibu saya pergi ke pasar membeli ikan dan buah-buahan.",
    ),
    "ar": (
        "يُولَدُ جَمِيعُ النَّاسِ أَحْرَارًا مُتَسَاوِينَ فِي الكَرَامَةِ وَالحُقُوقِ.",
        "وَقَدْ وُهِبُوا عَقْلًا وَضَمِيرًا.",
        "ذَهَبَتْ أُمِّي إِلَى السُّوقِ فِي الصَّبَاحِ وَاشْتَرَتْ خُبْزًا وَفَاكِهَةً.",
    ),
    "ur": (
        "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔",
        "انہیں ضمیر اور عقل ودیعت ہوئی ہے۔",
        "آج صبح میری ماں بازار سے پھل اور روٹی لائی۔",
    ),
    "th": (
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
        "ต่างมีเหตุผลและมโนธรรม",
        "เช้านี้แม่ไปตลาดซื้อปลาและผลไม้",
    ),
    "am": (
        "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
        "የተፈጥሮ ማስተዋልና ሕሊና ስላለው አንዱ ሌላውን በወንድማማችነት መንፈስ መመልከት ይገባዋል።",
        "ዛሬ ጠዋት እናቴ ወደ ገበያ ሄዳ ዳቦና ፍራፍሬ ገዛች።",
    ),
    "as": (
        "জন্মগতভাৱে সকলো মানুহ মৰ্য্যদা আৰু অধিকাৰত সমান আৰু স্বতন্ত্ৰ।",
        "তেওঁলোকৰ বিবেক আছে, বুদ্ধি আছে।",
        "তেওঁলোকে প্ৰত্যেকে প্ৰত্যেকক ভ্ৰাতৃভাৱে ব্যৱহাৰ কৰা উচিত।",
    ),
    "ug": (
        "ھەممە ئادەم تۇغۇلۇشىدىنلا ئەركىن بولۇپ تۇغۇلغان.",
        "ئۇلار ئەقىلگە ۋە ۋىجدانغا ئىگە.",
        "بۈگۈن ئەتىگەندە ئانام بازارغا بېرىپ نان ۋە مېۋە سېتىۋالدى.",
    ),
    "si": (
        "සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත.",
        "ගරුත්වයෙන් හා අයිතිවාසිකම්වලින් සමාන වෙති.",
        "අද උදේ මගේ අම්මා වෙළඳපොළට ගොස් මාළු සහ පලතුරු ගත්තා.",
    ),
    "sd": (
        "سڀ انسان آزاد ۽ عزت ۽ حقن جي حوالي کان برابر پيدا ٿيا آهن.",
        "انهن کي عقل ۽ ضمير عطا ٿيو آهي.",
        "اڄ صبح منهنجي ماءُ بازار مان ماني ۽ ميوو آندو.",
    ),
    "yue": (
        "人人生而自由,在尊嚴和權利上一律平等。",
        "他們賦有理性和良心。",
        "今日朝早媽媽去街市買魚同埋生果。",
    ),
}
RECORDED = {
    "en": (
        "The North Wind and the Sun were disputing which was the stronger, when a traveler came along wrapped in a "
        "warm cloak.",
        "They agreed that the one who first succeeded in making the traveler take his cloak off should be considered "
        "stronger than the other.",
        "Then the North Wind blew as hard as he could, but the more he blew the more closely did the traveler fold his "
        "cloak around him.",
        "And at last the North Wind gave up the attempt.",
    ),
    "it": (
        "Si bisticciavano un giorno il vento di tramontana e il sole, l'uno pretendendo d'esser più forte dell'altro.",
        "Quando videro un viaggiatore, che veniva innanzi avvolto nel mantello.",
        "I due litiganti convennero allora che sarebbe stato ritenuto più forte chi fosse riuscito a far sì che il "
        "viaggiatore si togliesse il mantello di dosso.",
    ),
    "fi": (
        "Pohjatuuli ja aurinko väittelivät kummalla olisi enemmän voimaa, kun he samalla näkivät kulkijan, jolla oli "
        "yllään lämmin takki.",
        "Silloin he sopivat, että se on voimakkaampi, joka nopeammin saa kulkijan riisumaan takkinsa.",
    ),
    "cs": (
        "Severní vítr a slunce se hádali, kdo z nich je silnější.",
        "V tom spatřili pocestného, který kráčel zahalen do pláště.",
        "Ujednali tedy, že ten je silnější, kdo první dokáže, aby si pocestný svlékl plášť.",
    ),
}
