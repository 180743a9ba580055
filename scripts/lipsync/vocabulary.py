"""The texts behind :mod:`texts`: public words, one entry a language."""

# ruff: noqa: E501  (prose, kept in paragraphs)

from __future__ import annotations

HARVARD = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat.",
    "The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea.",
    "The girl at the booth sold fifty bonds.",
    "The small pup gnawed a hole in the sock.",
    "The fish twisted and turned on the bent hook.",
    "Press the pants and sew a button on the vest.",
    "The swan dive was far short of perfect.",
    "The beauty of the view stunned the young boy.",
    "Two blue fish swam in the tank.",
    "Her purse was full of useless trash.",
    "The colt reared and threw the tall rider.",
    "It snowed, rained, and hailed the same morning.",
    "Read verse out loud for pleasure.",
    "Hoist the load to your left shoulder.",
    "Take the winding path to reach the lake.",
    "Note closely the size of the gas tank.",
    "Wipe the grease off his dirty face.",
    "Mend the coat before you go out.",
    "The wrist was badly strained and hung limp.",
    "The stray cat gave birth to kittens.",
    "The young girl gave no clear response.",
    "The meal was cooked before the bell rang.",
    "What joy there is in living.",
)

RIGHTS = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
    "conciencia, deben comportarse fraternalmente los unos con los otros.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e di "
    "coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en "
    "geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    "af": "Alle menslike wesens word vry, met gelyke waardigheid en regte, gebore. Hulle het rede en gewete en behoort "
    "in die gees van broederskap teenoor mekaar op te tree.",
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med fornuft og samvittighed, "
    "og de bør handle mod hverandre i en broderskabets ånd.",
    "nb": "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter. De er utstyrt med fornuft og "
    "samvittighet og bør handle mot hverandre i brorskapets ånd.",
    "is": "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum. Menn eru gæddir vitsmunum og samvisku, "
    "og ber þeim að breyta bróðurlega hverjum við annan.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja "
    "omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä.",
    "et": "Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt. Neile on antud mõistus ja "
    "südametunnistus ja nende suhtumist üksteisesse peab kandma vendluse vaim.",
    "pl": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i "
    "sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "cs": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a mají "
    "spolu jednat v duchu bratrství.",
    "sk": "Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv. Sú obdarení rozumom a "
    "svedomím a majú navzájom jednať v bratskom duchu.",
    "sl": "Vsi ljudje se rodijo svobodni in imajo enako dostojanstvo in enake pravice. Obdarjeni so z razumom in vestjo "
    "in bi morali ravnati drug z drugim kakor bratje.",
    "hr": "Sva ljudska bića rađaju se slobodna i jednaka u dostojanstvu i pravima. Ona su obdarena razumom i sviješću i "
    "trebaju jedna prema drugima postupati u duhu bratstva.",
    "sr": "Сва људска бића рађају се слободна и једнака у достојанству и правима. Она су обдарена разумом и свешћу и "
    "треба једни према другима да поступају у духу братства.",
    "mk": "Сите човечки суштества се раѓаат слободни и еднакви по достоинство и права. Тие се обдарени со разум и "
    "совест и треба да се однесуваат еден кон друг во духот на братството.",
    "bg": "Всички хора се раждат свободни и равни по достойнство и права. Те са надарени с разум и съвест и следва да "
    "се отнасят помежду си в дух на братство.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и "
    "должны поступать в отношении друг друга в духе братства.",
    "be": "Усе людзі нараджаюцца свабоднымі і роўнымі ў сваёй годнасці і правах. Яны надзелены розумам і сумленнем і "
    "павінны ставіцца адзін да аднаго ў духу братэрства.",
    "lv": "Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās. Viņi ir apveltīti ar saprātu un "
    "sirdsapziņu, un viņiem jāizturas citam pret citu brālības garā.",
    "lt": "Visi žmonės gimsta laisvi ir lygūs savo orumu ir teisėmis. Jiems suteiktas protas ir sąžinė ir jie turi "
    "elgtis vienas kito atžvilgiu kaip broliai.",
    "sq": "Të gjithë njerëzit lindin të lirë dhe të barabartë në dinjitet dhe në të drejta. Ata kanë arsye dhe "
    "ndërgjegje dhe duhet të sillen ndaj njëri tjetrit me frymë vëllazërimi.",
    "ca": "Tots els éssers humans neixen lliures i iguals en dignitat i en drets. Són dotats de raó i de consciència, i "
    "els cal mantenir-se entre ells amb esperit de fraternitat.",
    "an": "Totz os sers umanos naixen libres y iguals en dignidat y dreitos. Son dotatos de razón y conciencia y han de "
    "comportar-se fraternalment os uns con os otros.",
    "eu": "Gizon-emakume guztiak aske jaiotzen dira, duintasun eta eskubide berberak dituztela; eta ezaguera eta "
    "kontzientzia dutenez gero, elkarren artean senide legez jokatu beharra dute.",
    "cy": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â rheswm a chydwybod, "
    "a dylai pawb ymddwyn y naill at y llall mewn ysbryd cymodlon.",
    "ga": "Saolaítear gach duine den chine daonna saor agus comhionann i ndínit agus i gcearta. Tá bua an réasúin agus "
    "an choinsiasa acu agus ba cheart dóibh gníomhú i dtreo a chéile i spiorad an bhráithreachais.",
    "mt": "Il-bnedmin kollha jitwieldu ħielsa u ugwali fid-dinjità u d-drittijiet. Huma mogħnija bir-raġuni u "
    "bil-kuxjenza u għandhom iġibu ruħhom ma' xulxin bi spirtu ta' aħwa.",
    "eo": "Ĉiuj homoj estas denaske liberaj kaj egalaj laŭ digno kaj rajtoj. Ili posedas racion kaj konsciencon, kaj "
    "devus konduti unu al alia en spirito de frateco.",
    "la": "Omnes homines dignitate et iure liberi et pares nascuntur, rationis et conscientiae participes sunt, quibus "
    "inter se concordiae studio est agendum.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người đều được tạo hóa "
    "ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    "ht": "Tout moun fèt lib, egal ego pou diyite kou wè dwa. Nou gen la rezon ak la konsyans epi nou fèt pou nou aji "
    "youn ak lòt ak yon lespri fwatènite.",
    "mi": "Ko te katoa o nga tangata i te whanaungatanga mai e watea ana i nga here katoa; e tauriterite ana hoki nga "
    "mana me nga tika. E whakawhiwhia ana hoki ki a ratou te ngakau whai whakaaro.",
    "haw": "Hānau kūʻokoʻa ʻia nā kānaka apau loa, a ua kau like ka hanohano a me nā pono kīvila maluna o lākou apau. "
    "Ua kuʻu mai ka noʻonoʻo pono a me ka ʻike pono maluna o lākou.",
    "az": "Bütün insanlar ləyaqət və hüquqlarına görə azad və bərabər doğulurlar. Onların şüurları və vicdanları var və "
    "bir-birlərinə münasibətdə qardaşlıq ruhunda davranmalıdırlar.",
    "kk": "Барлық адамдар тумысынан азат және қадір-қасиеті мен құқықтары тең болып дүниеге келеді. Адамдарға ақыл-парасат, "
    "ар-ождан берілген, сондықтан олар бір-бірімен туыстық, бауырмалдық қарым-қатынас жасаулары тиіс.",
    "hy": "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։ Նրանք ունեն բանականություն "
    "ու խիղճ և միմյանց պետք է եղբայրաբար վերաբերվեն։",
    "ka": "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით. მათ მინიჭებული აქვთ გონება და "
    "სინდისი და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის სულისკვეთებით.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन "
    "प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 "
    "형제애의 정신으로 행동하여야 한다.",
    "ja": "すべての にんげんは うまれながらにして じゆうであり かつ そんげんと けんりとについて びょうどうである にんげんは りせいと "
    "りょうしんとを さずけられており たがいに どうほうの せいしんをもって こうどうしなければならない",
    "cmn-latn-pinyin": "ren2ren2 sheng1er2 zi4you2 zai4 zun1yan2 he2 quan2li4 shang4 yi1lü4 ping2deng3 ta1men5 fu4you3 "
    "li3xing4 he2 liang2xin1 bing4 ying1 yi3 xiong1di4 guan1xi4 de5 jing1shen2 xiang1 dui4dai4",
    "tn": "Batho botlhe ba tsetswe ba gololosegile le go lekalekana ka seriti le ditshwanelo. Ba abetswe go akanya le "
    "maikutlo, mme ba tshwanetse go direlana ka mowa wa bokaulengwe.",
    "qu": "Tukuy kay pachapi paqarimujkuna libres nasekuntu tukuypunitaj kikin obligacionesniycjllataj, jinakamalla "
    "honorniyoj atiyniyoj ima, chantaqa razonwan concienciawan dotasqa kasqankurayku.",
}

# Held out: no part of training in any form.
NORTH_WIND = {
    "de": "Einst stritten sich Nordwind und Sonne, wer von ihnen beiden wohl der Stärkere wäre, als ein Wanderer, der in "
    "einen warmen Mantel gehüllt war, des Weges daherkam. Sie wurden einig, dass derjenige für den Stärkeren gelten "
    "sollte, der den Wanderer zwingen würde, seinen Mantel abzunehmen. Der Nordwind blies mit aller Macht, aber je mehr "
    "er blies, desto fester hüllte sich der Wanderer in seinen Mantel ein.",
    "pt-br": "O vento norte e o sol discutiam qual dos dois era o mais forte, quando surgiu um viajante envolvido numa "
    "capa. Ao vê-lo, puseram-se de acordo em como aquele que primeiro conseguisse obrigar o viajante a tirar a capa seria "
    "considerado o mais forte. O vento norte começou a soprar com muita fúria, mas quanto mais soprava, mais o viajante "
    "se embrulhava na sua capa.",
    "sv": "Nordanvinden och solen tvistade en gång om vem av dem som var starkast. Just då kom en vandrare vägen fram, "
    "insvept i en varm kappa. De kom då överens om att den som först kunde få vandraren att ta av sig kappan, han skulle "
    "anses vara starkare än den andra. Då blåste nordanvinden så hårt han någonsin kunde.",
    "hu": "Egyszer az északi szél és a nap vetélkedtek, hogy melyikük az erősebb. Éppen arra jött egy vándor, aki "
    "köpönyegbe burkolózott. Az északi szél és a nap megegyeztek, hogy az lesz a győztes, aki hamarabb ráveszi a vándort, "
    "hogy levegye a köpönyegét. Akkor az északi szél elkezdett süvíteni, ahogy csak bírt.",
    "tr": "Poyraz ile güneş birbirlerinden daha güçlü olduklarını ileri sürerek iddialaşıyorlardı. Derken kalın bir palto "
    "giymiş bir yolcu gördüler. Bu yolcuya paltosunu çıkarttırabilenin daha güçlü olduğunu kabul etmeye karar verdiler. "
    "Poyraz var gücüyle esmeye başladı.",
    "uk": "Одного разу північний вітер та сонце сперечалися, хто з них сильніший. Саме в цей час повз них проходив "
    "мандрівник, закутаний у теплий плащ. Вони домовились, що той, хто перший змусить мандрівника зняти плащ, і буде "
    "вважатися сильнішим. Тоді північний вітер почав дути щосили.",
    "ro": "Vântul de nord și soarele se certau care dintre ei este mai puternic, când a apărut un călător îmbrăcat "
    "într-o mantie groasă. Au căzut de acord că cel care va reuși primul să-l facă pe călător să-și scoată mantia va fi "
    "socotit mai puternic. Atunci vântul a început să bată cu toată puterea.",
    "id": "Angin utara dan matahari sedang bertengkar tentang siapa di antara mereka yang paling kuat, ketika seorang "
    "pengembara lewat memakai jubah yang hangat. Mereka setuju bahwa siapa yang pertama berhasil membuat pengembara itu "
    "membuka jubahnya akan dianggap lebih kuat. Lalu angin utara meniup sekuat tenaga.",
    "el": "Ο βοριάς και ο ήλιος μάλωναν για το ποιος από τους δυο είναι ο δυνατότερος, όταν έτυχε να περάσει από μπροστά "
    "τους ένας ταξιδιώτης που φορούσε κάπα. Συμφώνησαν ότι όποιος κατάφερνε πρώτος να κάνει τον ταξιδιώτη να βγάλει την "
    "κάπα του θα θεωρούνταν ο πιο δυνατός.",
    "sw": "Upepo wa kaskazini na jua zilikuwa zikibishana kuhusu nani aliye na nguvu zaidi, wakati msafiri alipopita "
    "akiwa amevaa vazi zito. Wakakubaliana kwamba yule atakayefaulu kwanza kumfanya msafiri avue vazi lake ndiye "
    "atakayeonekana kuwa na nguvu zaidi.",
}

#: Languages without a text here, and whose they read: one in their script, or in one with the same order of letters.
BORROWED = {
    **{"gn": "qu", "jbo": "eo", "kl": "fi", "ltg": "lv", "py": "eo", "qya": "fi", "smj": "nb", "tt": "kk"},
    **{"mr": "hi", "ne": "hi", "pa": "hi", "gu": "hi", "or": "hi", "te": "hi", "kn": "hi", "ml": "hi"},
}
#: Where the scripts of some of them begin in Unicode, whose blocks follow Devanagari's.
BRAHMIC = {"pa": 0x0A00, "gu": 0x0A80, "or": 0x0B00, "te": 0x0C00, "kn": 0x0C80, "ml": 0x0D00}
